"""Random streams and argument checks of NumPy tasks."""

from typing import Any

import numpy as np


def question_stream(seed: int) -> np.random.Generator:
    """The generator that draws questions.

    It differs from `default_rng(seed)`, so that answers drawn with that generator do not equal the questions.
    """
    return np.random.default_rng([seed, 1])


def answer_stream(seed: int) -> np.random.Generator:
    """The generator that draws uniform answers, independent of the questions of the same seed."""
    return np.random.default_rng([seed, 2])


def check_count(name: str, value: Any, minimum: int | None) -> None:
    """Check that `value` is an integer, and at least `minimum` if that is not None.

    Raises:
        TypeError: if it is not an integer.
        ValueError: if it is too small.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        range_ = "" if minimum is None else f" of at least {minimum}"
        raise TypeError(f"{name} must be an integer{range_}; got {value!r}")
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} must be at least {minimum}; got {value}")


def check_range(name: str, values: Any, count: int) -> None:
    """Check that all values are from 0 to `count - 1`.

    Raises:
        ValueError: if one is not; the message has the range and the index of the first invalid value.
    """
    if values.size == 0 or (values.min() >= 0 and values.max() < count):
        return
    place = np.unravel_index(np.argmax((values < 0) | (values >= count)), values.shape)
    at = ", ".join(str(int(index)) for index in place)
    raise ValueError(
        f"{name} must be from 0 to {count - 1}; got values from {values.min()} to {values.max()}, "
        f"the first invalid one {values[place]} at [{at}]"
    )
