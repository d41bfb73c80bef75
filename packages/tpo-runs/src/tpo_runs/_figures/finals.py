"""Figures of final errors, with a dot for every seed."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._results import CellResult, check_results, final_error, final_words, mean_interval
from .axes import check_floor, extent, log_error_axis
from .labels import drawable, seeds_label
from .panels import LABEL_SIZE, finish, make_panels, styles_of

_INK = "#222222"
ROW_WIDTH = 40  # characters per line of a name
BAR_NOTE = "bar: mean and 95% interval for any distribution of seeds"


@dataclass(frozen=True)
class ErrorSpan:
    """The error axis of all panels: from 0 to `high`, or on a log scale around the values `low` to `high`."""

    low: float
    high: float
    floor: float | None

    @classmethod
    def of(cls, finals: Sequence[Float[np.ndarray, " _"]], floor: float | None) -> "ErrorSpan":
        """The axis that covers all these values; logarithmic if there is a floor.

        It covers their intervals only if it is logarithmic: for few seeds they reach far beyond all seeds.
        """
        if floor is None:
            _, high = extent(finals, (0.0, 1.0))
            return cls(0.0, high if high > 0 else 1.0, None)
        check_floor(floor)
        ends = [np.array(mean_interval(final)) for final in finals]
        return cls(*extent([np.maximum(values, floor) for values in [*finals, *ends]], (floor, 1.0)), floor)

    @property
    def end(self) -> float:
        """Where the axis ends."""
        return np.inf if self.floor is not None else 1.04 * self.high

    def lift(self, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """The values that the axis can show."""
        return values if self.floor is None else np.maximum(values, self.floor)

    def position(self, lifted: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Where lifted values are on the axis, from 0 to 1."""
        return lifted / self.high if self.floor is None else 1 - np.log(lifted) / np.log(self.floor)

    def set_limits(self, axes: Axes, *, vertical: bool) -> None:
        """Apply the axis to the x or, if `vertical`, the y axis of a panel."""
        if self.floor is not None:
            log_error_axis(axes, self.floor, (self.low, self.high), vertical=vertical)
            return
        (axes.set_ylim if vertical else axes.set_xlim)(-0.04 * self.high, self.end)

    def note(self, finals: Sequence[Float[np.ndarray, " _"]]) -> str:
        """What bars are, and their arrows if some have one."""
        cut = any(mean_interval(final)[1] > self.end for final in finals)
        return BAR_NOTE + ("; arrow: it goes on beyond the axis" if cut else "")


def spread_dots(values: Float[np.ndarray, " s"], width: float, gap: float) -> Float[np.ndarray, " s"]:
    """Offsets that separate close values: values in the same of 40 bins are placed side by side.

    Args:
        values: `[s]`, in units of an axis from 0 to 1.
        width: total span of the offsets.
        gap: distance between neighbors if there is room.

    Returns:
        `[s]` deterministic offsets in `[-width / 2, width / 2]`.

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

    Seeds often either solve a task or fail it, so the mean alone may describe none of them.

    Args:
        results: the cells, one panel per grid point.
        metric: the metric.
        fraction: see `final_error`.
        log: logarithmic error.
        floor: with `log`, where smaller errors are drawn. The lowest tick is labeled "≤".
        title: title of the figure.

    Returns:
        The figure, not yet saved.
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
        if panel.bottom:
            panel.axes.set_xlabel("final error", fontsize=LABEL_SIZE)
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
