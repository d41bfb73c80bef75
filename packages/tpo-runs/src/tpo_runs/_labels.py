"""Grid points and cells in words."""

from collections.abc import Mapping

from ._text import ascii_safe

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
    return _AXIS_NAMES.get(axis, ascii_safe(axis.rsplit(".", 1)[-1].replace("_", " ")))


def value_label(value: object) -> str:
    r"""A grid value in words: "reverse_copy" is "reverse copy". Two numbers never look the same.

    >>> value_label(1e-3), value_label(0.12345678), value_label("a\nb")
    ('0.001', '0.12345678', 'a\\nb')
    """
    if value is None:
        return "–"
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return ascii_safe(str(value).replace("_", " "))


def point_label(point: Mapping[str, object]) -> str:
    """A grid point in words.

    >>> point_label({"task.horizon": 7, "task.reward": "bag_of_tokens"})
    'horizon = 7, reward = bag of tokens'
    """
    return ", ".join(
        f"no {axis_label(axis)}" if value is None else f"{axis_label(axis)} = {value_label(value)}"
        for axis, value in point.items()
    )


def cell_label(method: str, point: Mapping[str, object]) -> str:
    """A cell in words.

    >>> cell_label("TPO", {"task.horizon": 7}), cell_label("TPO", {})
    ('TPO, horizon = 7', 'TPO')
    """
    return f"{method}, {point_label(point)}" if point else method
