"""Grid points and cells in words."""

from collections.abc import Mapping

_AXIS_NAMES = {
    "rollout.candidates": "candidates",
    "objective.eta": "temperature",
    "task.vocab_size": "vocabulary",
}


def axis_label(axis: str) -> str:
    """A grid axis in words: "task.horizon" is "horizon".

    >>> axis_label("objective.kl_coef")
    'kl coef'
    """
    return _AXIS_NAMES.get(axis, axis.rsplit(".", 1)[-1].replace("_", " "))


def value_label(value: object) -> str:
    """A grid value in words: "reverse_copy" is "reverse copy"."""
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


def point_label(point: Mapping[str, object]) -> str:
    """A grid point in words.

    >>> point_label({"task.horizon": 7, "task.reward": "bag_of_tokens"})
    'horizon = 7, reward = bag of tokens'
    """
    return ", ".join(f"{axis_label(axis)} = {value_label(value)}" for axis, value in point.items())


def cell_label(method: str, point: Mapping[str, object]) -> str:
    """A cell in words.

    >>> cell_label("TPO", {"task.horizon": 7}), cell_label("TPO", {})
    ('TPO, horizon = 7', 'TPO')
    """
    return f"{method}, {point_label(point)}" if point else method
