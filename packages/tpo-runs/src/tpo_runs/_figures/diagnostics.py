"""The figure that sets the area under the curve of each method against what its probes show."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from .._results import DIAGNOSTICS, CellResult, areas, at_point, standings
from .._results import diagnostics as diagnostics_of
from .axes import make_axes
from .labels import drawable
from .panels import LABEL_SIZE, finish
from .ranking import group_styles, over_words

# Probes whose values span orders of magnitude.
LOG = ("gradient_norm", "entropy", "update_kl")


def diagnostics(
    results: Sequence[CellResult],
    *,
    metric: str = "error",
    at: Mapping[str, Any] | None = None,
    groups: Sequence[Mapping[str, Any]] = (),
    named: Sequence[str] = (),
    title: str | None = None,
) -> Figure:
    """A panel per probe: one dot per method, its area under the curve over what the probe shows.

    The cells need some of the probes of `DIAGNOSTICS`. The names of the methods in `named` are written beside
    their dots. The other options are those of `ranking`.

    Raises:
        ValueError: no method was trained at all points, an axis or value is not in the grid, or there is none
            of the probes.
    """
    shown = at_point(results, dict(at or {}))
    order = {standing.method: standing.area for standing in standings(areas(shown, metric=metric))}
    recorded = [probe for probe in DIAGNOSTICS if any(probe in cell.metrics for cell in shown)]
    probes = {probe: diagnostics_of(shown, probe, metric=metric) for probe in recorded}
    if not probes:
        raise ValueError(f"needs one of the probes {', '.join(DIAGNOSTICS)}, and the cells have none")
    styles, legend = group_styles(list(order), groups)
    columns = min(2, len(probes))
    rows = -(-len(probes) // columns)
    figure, grid = make_axes(rows, columns, (3.6, 2.9), share_x=False)
    for axes in grid.flat[len(probes) :]:
        axes.set_visible(False)
    for axes, (probe, values) in zip(grid.flat, probes.items(), strict=False):
        for method in [method for method in order if method in values]:
            style = styles[method]
            axes.plot(values[method], order[method], style.marker, color=style.color, markersize=5, alpha=0.8)
            if method in named:
                offset = {"xytext": (4, 3), "textcoords": "offset points", "fontsize": 6.5}
                axes.annotate(drawable(method), (values[method], order[method]), **offset)
        if probe in LOG and all(value > 0 for value in values.values()):
            axes.set_xscale("log")
            wide = max(values.values(), default=1) > 100 * min(values.values(), default=1)
            axes.xaxis.set_major_locator(LogLocator(subs=(1,) if wide else (1, 2, 5)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(DIAGNOSTICS[probe][1], fontsize=LABEL_SIZE - 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    for axes in grid[:, 0]:
        axes.set_ylabel("area under the error curve (%)", fontsize=LABEL_SIZE - 1)
    note = (
        f"Dot: one method over {over_words(shown)}. Probes: median over seeds, mean over points. "
        "Solved: error below 5%, as a running mean over 2% of the steps"
    )
    drawn = {method for values in probes.values() for method in values}
    shown_styles = [styles[method] for method in order if method in drawn]
    legend = {name: style for name, style in legend.items() if style in shown_styles}
    return finish(figure, legend, title=title, note=note, markers=True)
