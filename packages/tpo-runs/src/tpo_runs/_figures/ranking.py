"""Figures of the order of methods over all points of a grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from .._results import CellResult, areas, at_point, grid_axes, profile, standings
from .._text import counted, point_label
from .axes import make_axes
from .labels import drawable, seeds_label
from .panels import LABEL_SIZE, finish
from .style import METHOD_STYLES, MethodStyle, method_styles

THRESHOLDS = np.linspace(0, 1, 201)
OTHERS = "others"
_GROUP_STYLES = tuple(METHOD_STYLES[name] for name in ("TPO", "GRPO", "DG", "Group PG", "PPO", "REINFORCE"))


def ranking(
    results: Sequence[CellResult],
    *,
    metric: str = "error",
    at: Mapping[str, Any] | None = None,
    beside: Mapping[str, Any] | None = None,
    groups: Sequence[Mapping[str, Any]] = (),
    title: str | None = None,
) -> Figure:
    """The area under the curve of each method over all points of the grid, from the best to the worst.

    Args:
        results: the cells.
        metric: what counts as the error.
        at: values of axes of the grid; only cells with them are shown.
        beside: other values of these axes, which are shown as hollow dots.
        groups: tables with a `name` for the legend and the `methods` that share a color; by default each
            method has its own.
        title: of the figure.

    Raises:
        ValueError: no method was trained at all points, or an axis or value is not in the grid.
    """
    shown = at_point(results, dict(at or {}))
    order = standings(areas(shown, metric=metric))
    hollow = {} if not beside else _areas_beside(results, beside, metric)
    styles, legend = group_styles([standing.method for standing in order], groups)
    figure, grid = make_axes(1, 1, (6.0, 0.9 + 0.17 * len(order)))
    axes = grid[0, 0]
    for place, standing in enumerate(order):
        style = styles[standing.method]
        axes.hlines(place, *standing.interval, color=style.color, linewidth=1.6)
        axes.plot(standing.area, place, style.marker, color=style.color, markersize=5)
        if standing.method in hollow:
            marker = {"marker": style.marker, "color": style.color, "markersize": 5, "fillstyle": "none"}
            axes.plot(hollow[standing.method], place, **marker)
    axes.set_yticks(range(len(order)), [drawable(standing.method) for standing in order], fontsize=7.5)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    axes.set_xlabel("area under the error curve (%)", fontsize=LABEL_SIZE)
    note = f"Dot and line: interquartile mean over {over_words(shown)}, with its 95% bootstrap interval"
    if beside:
        note += f"; hollow: {point_label(beside)}"
    return finish(figure, legend, title=title, note=note, markers=True)


def performance_profile(
    results: Sequence[CellResult],
    *,
    metric: str = "error",
    at: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> Figure:
    """The share of runs with an area under the curve of at most each value, over all points of the grid.

    Source: R. Agarwal et al., *Deep RL at the Edge of the Statistical Precipice*, 2021.

    Only cells with the values of `at` are shown.

    Raises:
        ValueError: no method was trained at all points, or an axis or value is not in the grid.
    """
    shown = at_point(results, dict(at or {}))
    of_methods = areas(shown, metric=metric)
    styles = method_styles(of_methods)
    figure, grid = make_axes(1, 1, (6.0, 3.4))
    axes = grid[0, 0]
    for method, style in styles.items():
        shares, (low, high) = profile(of_methods[method], THRESHOLDS)
        axes.fill_between(THRESHOLDS, low, high, color=style.color, alpha=0.12, linewidth=0)
        axes.plot(THRESHOLDS, shares, color=style.color, linestyle=style.dashes, linewidth=1.6)
    for axis, name in ((axes.xaxis, "area under the error curve, at most (%)"), (axes.yaxis, "runs (%)")):
        axis.set_major_formatter(PercentFormatter(1, symbol=""))
        axis.set_label_text(name, fontsize=LABEL_SIZE)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    note = (
        f"Line: share of runs, {over_words(shown)}; each point counts the same. Band: 95% bootstrap interval"
    )
    return finish(figure, styles, title=title, note=note)


def _areas_beside(results: Sequence[CellResult], beside: Mapping[str, Any], metric: str) -> dict[str, float]:
    others = standings(areas(at_point(results, dict(beside)), metric=metric))
    return {standing.method: standing.area for standing in others}


def group_styles(
    methods: Sequence[str], groups: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, MethodStyle], Mapping[str, MethodStyle]]:
    """The style of each method, and the legend."""
    if not groups:
        return method_styles(methods), {}
    group_of = {method: group["name"] for group in groups for method in group["methods"]}
    names = dict.fromkeys([group["name"] for group in groups])
    names |= {} if group_of.keys() >= set(methods) else {OTHERS: None}
    legend = {name: _GROUP_STYLES[i % len(_GROUP_STYLES)] for i, name in enumerate(names)}
    return {method: legend[group_of.get(method, OTHERS)] for method in methods}, legend


def over_words(results: Sequence[CellResult]) -> str:
    """How many points and seeds a figure is over."""
    points = len({repr(sorted(result.point.items())) for result in results})
    what = grid_axes(results)
    return f"{counted(points, 'point') if what else '1 point'} and {seeds_label(results)}"
