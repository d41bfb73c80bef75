"""The figure of final errors over a numeric grid axis."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .._results import (
    CellResult,
    axis_values,
    check_results,
    final_error,
    final_words,
    grid_axes,
    is_number,
    mean_interval,
)
from .._text import axis_label, value_label
from .error_span import ErrorSpan
from .finals import spread_dots
from .labels import seeds_label
from .panels import finish, make_panels, styles_of
from .style import MethodStyle

# Shares of the distance between values: from one method to the next, at most, from the first to the last, and
# the width of all dots. Methods stay close to their value, so their dots may overlap.
LANE, MOST, DOTS = 0.05, 0.3, 0.48


def sweep(
    results: Sequence[CellResult],
    axis: str | None = None,
    *,
    metric: str = "error",
    fraction: float = 0.01,
    log_y: bool = False,
    floor: float = 1e-3,
    title: str | None = None,
) -> Figure:
    """Final error over one numeric grid axis: a line per method, a dot per seed.

    The axis, for example "rollout.candidates", is by default the only numeric one that varies. It is
    logarithmic if its values are positive and span a factor of 8. Other varying axes make panels. With
    `log_y`, errors below `floor` are drawn there, at a tick labeled "≤".

    Raises:
        ValueError: if the axis is not numeric, has a single value, as in a part of a sweep, or is not given
            and not exactly one varies.
    """
    check_results(results)
    axis = _sweep_axis(results, axis)
    of_all = [final_error(r, fraction=fraction, metric=metric) for r in results]
    span = ErrorSpan.of(of_all, floor if log_y else None)
    figure, panels = make_panels(
        results, size=(3.6, 2.6), axes=[other for other in grid_axes(results) if other != axis]
    )
    styles = styles_of(results)
    values = axis_values(results, axis)
    place = np.log2 if min(values) > 0 and max(values) >= 8 * min(values) else np.asarray
    gaps = np.diff(place(np.array(values, dtype=float)))
    gap = gaps.min()
    for panel in panels:
        for i, (method, style) in enumerate(styles.items()):
            cells = sorted(
                (c for c in panel.cells if c.method == method),
                key=lambda c: values.index(c.point[axis]),
            )
            shift = (i - (len(styles) - 1) / 2) * min(LANE, MOST / len(styles)) * gap
            x = place(np.array([c.point[axis] for c in cells], dtype=float)) + shift
            finals = [final_error(c, fraction=fraction, metric=metric) for c in cells]
            _sweep_line(panel.axes, x, finals, style, DOTS * gap / len(styles), span)
        panel.axes.xaxis.set_major_locator(FixedLocator([float(place(float(v))) for v in values]))
        panel.axes.xaxis.set_major_formatter(FuncFormatter(lambda _, i: value_label(values[i])))
        panel.axes.xaxis.set_minor_locator(NullLocator())
        span.set_limits(panel.axes, vertical=True)
        panel.label(axis_label(axis), "final error")
    words = f"line and {span.note(of_all)}; final: {final_words(fraction)}"
    note = f"Dot: one seed ({seeds_label(results)}); {words}"
    return finish(figure, styles, title=title, note=note, markers=True)


def _sweep_axis(results: Sequence[CellResult], axis: str | None) -> str:
    axes = grid_axes(results, varying=axis is None)
    numeric = [each for each in axes if all(map(is_number, axis_values(results, each)))]
    found = ", ".join(numeric) or "none"
    if axis is None and len(numeric) == 1:
        axis = numeric[0]
    if axis is None:
        raise ValueError(f"name the grid axis of the sweep; numeric axes that vary: {found}")
    if axis not in numeric:
        raise ValueError(f"{axis!r} is not a numeric grid axis; those are: {found}")
    if len(values := axis_values(results, axis)) == 1:
        raise ValueError(f"{axis!r} has the single value {value_label(values[0])} in these results")
    return axis


def _sweep_line(
    axes: Axes,
    x: Float[np.ndarray, " p"],
    finals: Sequence[Float[np.ndarray, " s"]],
    style: MethodStyle,
    width: float,
    span: ErrorSpan,
) -> None:
    means = np.array([final.mean() for final in finals])
    intervals = np.array([mean_interval(final) for final in finals]).reshape(-1, 2)
    for center, final in zip(x, finals, strict=True):
        dots = span.lift(final)
        dots_x = center + spread_dots(span.position(dots), width, gap=0.15 * width)
        axes.scatter(dots_x, dots, s=8, color=style.color, alpha=0.4, linewidths=0)
    low, high = span.lift(intervals).T
    axes.vlines(x, low, np.minimum(high, span.end), color=style.color, linewidth=1.4)
    cut = high > span.end
    axes.scatter(x[cut], np.full(cut.sum(), span.end), s=16, marker="^", color=style.color, clip_on=False)
    axes.plot(
        x,
        span.lift(means),
        color=style.color,
        linestyle=style.dashes,
        marker=style.marker,
        markersize=5.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        linewidth=1.6,
    )
