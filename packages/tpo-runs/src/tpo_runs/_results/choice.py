"""The best setting of each method, by a fixed rule."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._text import axis_label, value_label
from .cell import CellResult, diverged_steps
from .grid import axis_values, check_axes, check_results, grid_axes, group_by_point, is_number
from .text_table import ABSENT, TextTable, percent


@dataclass(frozen=True)
class Choice:
    """The best values of some axes of the grid, for one method at one point of the other axes.

    Args:
        method: the method.
        point: the point of the other axes.
        values: the best value of each axis.
        mean: the mean of the metric over all steps and seeds with these values.
        second: the same with the second-best values; NaN if there are none.
        at_edge: the axes whose best value is the lowest or the highest of at least two numbers. A wider grid
            may have better ones.
    """

    method: str
    point: dict[str, Any]
    values: dict[str, Any]
    mean: float
    second: float
    at_edge: tuple[str, ...]


class Merit(NamedTuple):
    """How good a cell is, from best to worst: cells with a diverged seed come after all others."""

    diverged: bool
    mean: float


def merit(cell: CellResult, *, metric: str = "error") -> Merit:
    """The merit of a cell: the mean of a metric over all steps and seeds."""
    mean = float(np.mean(cell.metric(metric), dtype=np.float64))
    return Merit(bool(np.isfinite(diverged_steps(cell)).any()) or math.isnan(mean), mean)


def choose(results: Sequence[CellResult], axes: Sequence[str], *, metric: str = "error") -> list[Choice]:
    """Choose the values of some axes for each method, at each point of the other axes.

    The rule: the smallest mean of the metric over all steps and all seeds. Values with which a seed diverged
    come after all others. Of equal ones, the first in the order of the axes counts. Cells of one method and
    point should have the same seeds.

    >>> import numpy as np
    >>> def cell(rate, error):
    ...     return CellResult(
    ...         "TPO", {"optimizer.learning_rate": rate}, {}, np.arange(1), {"error": error}, {}
    ...     )
    >>> cells = [cell(0.001, np.array([[0.9, 0.8]])), cell(0.01, np.array([[0.9, 0.2]]))]
    >>> [(c.values, round(c.mean, 2)) for c in choose(cells, ["optimizer.learning_rate"])]
    [({'optimizer.learning_rate': 0.01}, 0.55)]
    """
    check_results(results)
    check_axes(results, axes)
    others = [axis for axis in grid_axes(results, varying=False) if axis not in axes]
    return [
        _best(point, [cell for cell in cells if cell.method == method], axes, metric)
        for point, cells in group_by_point(results, others)
        for method in dict.fromkeys(cell.method for cell in cells)
    ]


def _best(point: dict[str, Any], cells: Sequence[CellResult], axes: Sequence[str], metric: str) -> Choice:
    ranks = {axis: axis_values(cells, axis) for axis in axes}
    ordered = sorted(cells, key=lambda cell: [ranks[axis].index(cell.point[axis]) for axis in axes])
    merits = [merit(cell, metric=metric) for cell in ordered]
    means = [merit.mean for merit in merits]
    order = sorted(range(len(ordered)), key=merits.__getitem__)
    best = order[0]
    values = {axis: ordered[best].point[axis] for axis in axes}
    return Choice(
        ordered[best].method,
        point,
        values,
        means[best],
        means[order[1]] if len(order) > 1 else math.nan,
        tuple(axis for axis in axes if _is_edge(values[axis], ranks[axis])),
    )


def _is_edge(value: Any, values: Sequence[Any]) -> bool:
    return len(values) > 1 and all(map(is_number, values)) and value in (values[0], values[-1])


def choice_table(choices: Sequence[Choice], *, metric: str = "error") -> TextTable:
    """The choices as a table. An asterisk marks values at the edge of their axis."""
    axes, points = _keys(c.values for c in choices), _keys(c.point for c in choices)

    def row(choice: Choice) -> tuple[str, ...]:
        at = [value_label(choice.point[axis]) if axis in choice.point else ABSENT for axis in points]
        best = [value_label(choice.values[a]) + "*" * (a in choice.at_edge) for a in axes]
        return (choice.method, *at, *best, percent(choice.mean), percent(choice.second))

    heads = ("method", *map(axis_label, points), *map(axis_label, axes), "mean", "second best")
    notes = [f"Mean: of {metric} in percent, over all steps and seeds; the smallest one is chosen."]
    if any(choice.at_edge for choice in choices):
        notes.append("*: the lowest or highest value of its axis; a wider grid may have better ones.")
    return TextTable("Best settings", heads, tuple(map(row, choices)), 1, tuple(notes))


def _keys(tables: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(axis for table in tables for axis in table))
