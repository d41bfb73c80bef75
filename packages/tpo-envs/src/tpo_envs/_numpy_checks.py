"""Seeds of NumPy tasks, and what is checked of the arrays and numbers that they are given."""

from typing import Any

import numpy as np


def question_stream(seed: int) -> np.random.Generator:
    """The generator that draws questions.

    It is not `default_rng(seed)`: somebody who draws answers of the same shape with that must not get the
    questions.
    """
    return np.random.default_rng([seed, 1])


def answer_stream(seed: int) -> np.random.Generator:
    """The generator that draws uniform answers, independent of the questions of the same seed."""
    return np.random.default_rng([seed, 2])


def check_count(name: str, value: Any, least: int | None) -> None:
    """Refuse what is no whole number from `least`, if there is a least one.

    Raises:
        TypeError: not an integer.
        ValueError: too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        from_least = "" if least is None else f" from {least}"
        raise TypeError(f"{name} must be an integer{from_least}; got {value!r}")
    if least is not None and value < least:
        raise ValueError(f"{name} must be at least {least}; got {value}")


def check_range(name: str, values: Any, count: int) -> None:
    """Refuse numbers that are not among the `count` first from 0.

    Raises:
        ValueError: with the range, the values found and the place of the first wrong one.
    """
    if values.size == 0 or (values.min() >= 0 and values.max() < count):
        return
    place = np.unravel_index(np.argmax((values < 0) | (values >= count)), values.shape)
    at = ", ".join(str(int(index)) for index in place)
    raise ValueError(
        f"{name} must be from 0 to {count - 1}; got values from {values.min()} to {values.max()}, "
        f"the first wrong one {values[place]} at [{at}]"
    )
