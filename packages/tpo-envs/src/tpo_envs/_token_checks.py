"""What is checked of every token task."""

from ._numpy_checks import check_count

FIELDS = ("reward", "horizon", "vocab_size")


def check_fields(task: object) -> None:
    """Refuse a task that lacks a field, or that JAX cannot tell from others.

    Raises:
        TypeError: with the field, or with how the class is written.
    """
    name = type(task).__name__
    lacking = [field for field in FIELDS if not hasattr(task, field)]
    if lacking:
        raise TypeError(
            f"{name} lacks {', '.join(lacking)}; a task has the fields reward, horizon, vocab_size"
        )
    if type(task).__hash__ is None:
        raise TypeError(f"{name} can change; write @dataclasses.dataclass(frozen=True) above its class")


def check_shape(source: str, right: object, expected: tuple[int, ...]) -> None:
    """Refuse right answers that are no array of the prompts' shape, which would broadcast to wrong scores.

    Raises:
        ValueError: with both shapes.
    """
    shape = tuple(getattr(right, "shape", ()))
    if not hasattr(right, "shape") or shape != expected:
        returned = f"shape {shape}" if hasattr(right, "shape") else f"a {type(right).__name__}"
        raise ValueError(f"{source} returned {returned}; expected that of the prompts, {expected}")


def check_sizes(horizon: int, vocab_size: int) -> None:
    """Refuse sizes that no task has.

    Raises:
        TypeError: for what is no whole number.
        ValueError: with the size and its limit.
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
            "sums of tokens are taken in 32 bits"
        )
