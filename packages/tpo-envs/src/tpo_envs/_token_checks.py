"""Checks of token tasks."""

from ._numpy_checks import check_count

TOKEN_FIELDS = ("reward", "horizon", "vocab_size")
ANSWER_FIELDS = ("prompt_length", "horizon", "vocab_size")


def check_fields(task: object, fields: tuple[str, ...]) -> None:
    """Check that a task has all fields and is hashable, as JAX requires.

    Raises:
        TypeError: if not, with the missing field or the fix.
    """
    name = type(task).__name__
    lacking = [field for field in fields if not hasattr(task, field)]
    if lacking:
        raise TypeError(
            f"{name} lacks {', '.join(lacking)}; "
            f"a task needs the fields {', '.join(fields[:-1])} and {fields[-1]}"
        )
    if type(task).__hash__ is None:
        raise TypeError(
            f"{name} is not hashable; decorate its class with @dataclasses.dataclass(frozen=True)"
        )


def check_shape(source: str, right: object, expected: tuple[int, ...], which: str) -> None:
    """Check that right answers have the expected shape. Other shapes might broadcast and give wrong scores.

    Raises:
        ValueError: if not, with both shapes.
    """
    shape = tuple(getattr(right, "shape", ()))
    if not hasattr(right, "shape") or shape != expected:
        returned = f"shape {shape}" if hasattr(right, "shape") else f"a {type(right).__name__}"
        raise ValueError(f"{source} returned {returned}; expected {which} {expected}")


def check_sizes(horizon: int, vocab_size: int) -> None:
    """Check the sizes of a task.

    Raises:
        TypeError: if a size is not an integer.
        ValueError: if a size is out of range.
    """
    check_count("horizon", horizon, None)
    check_count("vocab_size", vocab_size, None)
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}, but a prompt needs at least 1 token")
    if vocab_size < 2:
        raise ValueError(f"vocab_size is {vocab_size}, but a task needs at least 2 tokens")
    if horizon * vocab_size >= 2**31:
        raise ValueError(
            f"vocab_size is {vocab_size} and horizon {horizon}, but their product must be below 2^31: "
            "sums of tokens are 32-bit integers"
        )
