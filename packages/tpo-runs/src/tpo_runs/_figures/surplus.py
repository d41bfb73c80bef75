"""The figure of the surplus by concentration of the wrong classes."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._config import CONCENTRATION_EDGES, MEASURES
from .._results import CellResult, check_results, mean_interval, recorded_steps
from .labels import seeds_label
from .panels import finish, make_panels, styles_of
from .style import MethodStyle

_WIDTH = 0.8  # total width of the bars of a bin
_SHORT = 0.01  # share of the axis below which a bar is marked
_MARK_NOTE = "Marker: a bar too short to see. "
_HATCHES = ("/", ".", "x", "\\", "o", "-", "|", "+")


def binned_surplus(results: Sequence[CellResult], *, after: int, title: str | None = None) -> Figure:
    """The mean surplus of each method in each bin of concentration, at the evaluation after some updates.

    Methods without the measure are omitted. A run of fewer steps shows its last evaluation. There is a panel
    for each grid point.

    Raises:
        ValueError: if no cell has the measure.
    """
    check_results(results)
    shown = [result for result in results if MEASURES["surplus"][0] in result.metrics]
    if not shown:
        raise ValueError("no method has the measure 'surplus': add it to the evaluation of at least one")
    figure, panels = make_panels(shown, size=(3.6, 2.5))
    styles = styles_of(shown)
    options = _bar_options(styles)
    step = _step(shown, after)
    bins = [f"{low:g} to {min(high, 1):g}" for low, high in itertools.pairwise(CONCENTRATION_EDGES)]
    width = _WIDTH / len(styles)
    places = {
        method: np.arange(len(bins)) + (i + 0.5) * width - _WIDTH / 2 for i, method in enumerate(styles)
    }
    for panel in panels:
        for cell in panel.cells:
            _bars(panel.axes, places[cell.method], _at(cell, step), width, options[cell.method])
        panel.axes.axhline(0, color="#222222", linewidth=0.8, zorder=3)
    marked = False
    for panel in panels:
        for cell in panel.cells:
            marked |= _mark_short(panel.axes, places[cell.method], _at(cell, step), styles[cell.method])
        panel.axes.grid(visible=False, axis="x")
        panel.axes.set_xticks(range(len(bins)), bins)
        panel.label("share of the likeliest wrong class", "surplus")
    interval = "" if all(len(result.seeds) == 1 for result in shown) else " and 95% t interval"
    note = (
        f"Misclassified test images after {step + 1:,} updates. "
        f"Bar: mean{interval} over {seeds_label(shown)}. {_MARK_NOTE if marked else ''}"
        "Surplus: gain in the right class's probability, to first order, beyond that with equal wrong classes"
    )
    return finish(figure, styles, title=title, note=note, bars=options)


def _bar_options(styles: Mapping[str, MethodStyle]) -> dict[str, dict[str, Any]]:
    """Keyword arguments of each method's bars: filled, or hatched if another method has the color."""
    options: dict[str, dict[str, Any]] = {}
    before = Counter[str]()
    for method, style in styles.items():
        turns, index = divmod(before[style.color] - 1, len(_HATCHES))
        fill = {"facecolor": "white", "hatch": _HATCHES[index] * (turns + 2)}
        fill = fill if before[style.color] else {"facecolor": style.color}
        options[method] = {**fill, "edgecolor": style.color}
        before[style.color] += 1
    return options


def _step(results: Sequence[CellResult], after: int) -> int:
    """The index of the last evaluation within `after` updates in any cell, or else of the first one.

    A method whose seeds have all diverged has no later values.
    """
    shortest = min(result.steps for result in results)
    values = [result.metric(name)[:, :shortest] for result in results for name in MEASURES["surplus"]]
    steps = recorded_steps(np.concatenate(values))
    if not steps.size:
        raise ValueError("no method has a surplus at any step: no evaluation took place")
    within = steps[steps < after]
    return int(within[-1] if within.size else steps[0])


def _at(cell: CellResult, step: int) -> Float[np.ndarray, "bins s"]:
    return np.stack([cell.metric(name)[:, step] for name in MEASURES["surplus"]])


def _bars(
    axes: Axes,
    x: Float[np.ndarray, " bins"],
    values: Float[np.ndarray, "bins s"],
    width: float,
    options: Mapping[str, Any],
) -> None:
    for place, seeds in zip(x, values, strict=True):
        known = seeds[~np.isnan(seeds)]
        if known.size == 0:
            continue
        axes.bar(place, known.mean(), width=0.9 * width, **options, linewidth=1.2, zorder=3.5)
        interval = mean_interval(known, None)
        axes.plot([place] * 2, interval, color="#222222", linewidth=1.2, zorder=4)


def _mark_short(
    axes: Axes, x: Float[np.ndarray, " bins"], values: Float[np.ndarray, "bins s"], style: MethodStyle
) -> bool:
    """Draw the method's marker on each bar that is too short to see. Returns whether there is one."""
    low, high = axes.get_ylim()
    known = ~np.isnan(values)
    means = np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    short = known.any(axis=1) & (np.abs(means) < _SHORT * (high - low))
    look = {"marker": style.marker, "color": style.color, "edgecolors": "white", "linewidths": 0.6}
    axes.scatter(x[short], means[short], s=36, **look, zorder=5)
    return bool(short.any())
