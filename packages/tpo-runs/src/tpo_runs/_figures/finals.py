"""Figures of final errors, with a dot for every seed."""

import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._results import CellResult, check_results, final_error, final_words, mean_interval
from .error_span import ErrorSpan
from .labels import drawable, seeds_label
from .panels import LABEL_SIZE, finish, make_panels, styles_of

_INK = "#222222"
ROW_WIDTH = 40  # characters per line of a name


def spread_dots(values: Float[np.ndarray, " s"], width: float, gap: float) -> Float[np.ndarray, " s"]:
    """Offsets that separate close values: values in the same of 40 bins are placed side by side.

    Values are in units of an axis from 0 to 1. Neighbors are `gap` apart if there is room in `width`, and
    offsets are in `[-width / 2, width / 2]`.

    >>> import numpy as np
    >>> spread_dots(np.array([0.0, 0.0, 0.9]), 1.0, 0.1).tolist()
    [-0.05, 0.05, 0.0]
    """
    offsets = np.zeros(len(values))
    bins = np.floor(np.clip(values, 0, 1) * 40)
    for b in np.unique(bins):
        members = np.flatnonzero(bins == b)
        step = min(gap, width / max(len(members) - 1, 1))
        offsets[members] = (np.arange(len(members)) - (len(members) - 1) / 2) * step
    return offsets


def final_errors(
    results: Sequence[CellResult],
    *,
    metric: str = "error",
    fraction: float = 0.01,
    log: bool = False,
    floor: float = 1e-3,
    title: str | None = None,
) -> Figure:
    """The final error of every seed as a dot, with the mean and its interval: one row per method.

    Seeds often either solve a task or fail it, so the mean alone may describe none of them. There is a panel
    for each grid point. With `log`, errors below `floor` are drawn there, at a tick labeled "≤".
    """
    check_results(results)
    finals = [final_error(r, fraction=fraction, metric=metric) for r in results]
    span = ErrorSpan.of(finals, floor if log else None)
    styles = styles_of(results)
    methods = list(styles)
    names = [drawable(textwrap.fill(name, ROW_WIDTH)) for name in methods]
    # Rows grow with the number of seeds, so that twenty dots at 0 can be counted.
    height = float(np.clip(0.3 + 0.02 * max(len(result.seeds) for result in results), 0.42, 0.8))
    figure, panels = make_panels(results, size=(2.6, height * len(methods) + 0.45))
    for panel in panels:
        for cell in panel.cells:
            final = final_error(cell, fraction=fraction, metric=metric)
            color = styles[cell.method].color
            _strip(panel.axes, methods.index(cell.method), height, final, color, span)
        panel.axes.grid(visible=False, axis="y")
        for row in range(0, len(methods), 2):
            panel.axes.axhspan(row - 0.5, row + 0.5, color="#F4F4F4", linewidth=0, zorder=0)
        panel.axes.set_yticks(range(len(methods)), names, fontsize=LABEL_SIZE)
        panel.axes.set_ylim(len(methods) - 0.5, -0.5)
        span.set_limits(panel.axes, vertical=False)
        panel.label("final error")
    note = f"Dot: one seed ({seeds_label(results)}); {span.note(finals)}; final: {final_words(fraction)}"
    return finish(figure, {}, title=title, note=note)


def _strip(
    axes: Axes,
    row: int,
    height: float,
    final: Float[np.ndarray, " s"],
    color: str,
    span: ErrorSpan,
) -> None:
    x = span.lift(final)
    y = row - 0.1 + spread_dots(span.position(x), 0.62, gap=0.05 / height)
    axes.scatter(x, y, s=12, color=color, alpha=0.8, edgecolors="white", linewidths=0.3, zorder=2)
    low, high = span.lift(np.array(mean_interval(final)))
    below = row + 0.36
    axes.plot([low, min(high, span.end)], [below, below], color=_INK, linewidth=1.3, zorder=3)
    if high > span.end:
        axes.plot([span.end], [below], ">", color=_INK, markersize=4, clip_on=False, zorder=3)
    mean = span.lift(final.mean(keepdims=True))
    axes.plot(mean, [below], "|", color=_INK, markersize=7, markeredgewidth=1.8, zorder=4)
