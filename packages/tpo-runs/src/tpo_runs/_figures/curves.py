"""Figures over training steps: learning curves and probes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._results import (
    CellResult,
    check_results,
    grid_axes,
    group_by_point,
    interval_band,
    mean_curve,
    recorded_curves,
    recorded_steps,
    standard_error_band,
)
from .._text import point_label
from .panels import (
    LABEL_SIZE,
    TITLE_SIZE,
    Panel,
    check_floor,
    drawable,
    finish,
    log_error_axis,
    log_steps_axis,
    make_axes,
    make_panels,
    seeds_label,
    styles_of,
)
from .style import SOLID, MethodStyle

Band = Literal["interval", "standard_error", "none"]

_METRIC_WORDS = {"error_after": "error after the step", "misalignment": "misalignment (1 − cos)"}
_MARKED = 60  # the longest curve whose points get markers
_BANDS = {"interval": interval_band, "standard_error": standard_error_band}
_BAND_WORDS = {
    "interval": "; band: 95% t interval",
    "standard_error": "; band: ± 1 standard error",
    "none": "",
}


@dataclass(frozen=True)
class _Look:
    band: Band
    smooth: int
    max_points: int
    seeds: bool = False
    log_y: bool = False
    floor: float | None = None  # on a log axis, smaller values are drawn here; None leaves those up to 0 out

    def lift(self, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """The values as the axis can show them."""
        if not self.log_y:
            return values
        return np.where(values > 0, values, np.nan) if self.floor is None else np.maximum(values, self.floor)


def learning_curves(
    results: Sequence[CellResult],
    *,
    metric: str = "error",
    band: Band = "interval",
    seeds: bool = False,
    log_x: bool = False,
    log_y: bool = False,
    floor: float = 1e-3,
    smooth: int = 1,
    max_points: int = 2000,
    title: str | None = None,
) -> Figure:
    """Error against training steps: one panel per grid point, one line per method.

    Args:
        results: the cells; up to two varying grid axes span rows and columns.
        metric: the metric to draw, in `[0, 1]`.
        band: around the mean over seeds: Student's 95% interval, one standard error, or nothing.
        seeds: also draw every seed as a thin line.
        log_x: logarithmic steps; step 0 is then left out.
        log_y: logarithmic error.
        floor: with `log_y`, the value at which smaller errors are drawn; the lowest tick says so.
        smooth: window of a running mean over steps; 1 is none, anything else is stated in the axis label.
        max_points: longer curves are drawn with evenly spaced steps only; the note says so.
        title: of the figure.

    Returns:
        The figure, not yet saved.

    Raises:
        ValueError: no results, two cells of one name and point, or a bad `band`, `floor` or `smooth`.
    """
    _check(band, smooth, max_points)
    check_floor(floor)
    look = _Look(band, smooth, max_points, seeds, log_y, floor)
    figure, panels = make_panels(results, size=(2.6, 2.0))
    styles = styles_of(results)
    top = 0.0
    for panel in panels:
        for cell in reversed(panel.cells):
            top = max(top, _draw(panel.axes, cell, metric, styles[cell.method], look))
    for panel in panels:
        _scale(panel, look, top, log_x)
        _label(panel, _step_word(results), _metric_label(results, metric) + _smooth_words(smooth))
    return finish(figure, styles, title=title, note=_note(results, [metric], look))


def probe_curves(
    results: Sequence[CellResult],
    names: Sequence[str] | None = None,
    *,
    band: Band = "interval",
    log_x: bool = False,
    log_y: bool = False,
    smooth: int = 1,
    max_points: int = 2000,
    title: str | None = None,
) -> Figure:
    """Probes against training steps: one column per metric, one row per grid point, one line per method.

    A method without a metric, or without any value of it, has no line in that column. Means are over the
    seeds that have a value at the step.

    Args:
        results: the cells.
        names: metrics; default every metric but "error", in order of appearance.
        band: see `learning_curves`.
        log_x: logarithmic steps; step 0 is then left out.
        log_y: logarithmic values; those at or below 0 are left out.
        smooth: see `learning_curves`.
        max_points: see `learning_curves`.
        title: of the figure.

    Returns:
        The figure, not yet saved.

    Raises:
        ValueError: no results, or a metric that no cell has.
    """
    _check(band, smooth, max_points)
    check_results(results)
    present = dict.fromkeys(name for result in results for name in result.metrics)
    names = [name for name in present if name != "error"] if names is None else list(names)
    if not names or not set(names) <= set(present):
        raise ValueError(f"no cell has the probes {names}; the metrics are {', '.join(present)}")
    look = _Look(band, smooth, max_points, log_y=log_y)
    groups = group_by_point(results, grid_axes(results))
    figure, grid = make_axes(len(groups), len(names), (2.8, 2.1), share_y="col")
    styles = styles_of(results)
    for row, (point, cells) in enumerate(groups):
        for column, name in enumerate(names):
            axes = grid[row, column]
            axes.tick_params(labelbottom=row == len(groups) - 1)
            for cell in reversed(cells):
                if name in cell.metrics and not np.isnan(cell.metrics[name]).all():
                    _draw(axes, cell, name, styles[cell.method], look)
            if log_x:
                log_steps_axis(axes)
            axes.set_yscale("log" if log_y else "linear")
            if row == 0:
                axes.set_title(drawable(name.replace("_", " ")), fontsize=TITLE_SIZE)
            panel = Panel(axes, point, cells, row == len(groups) - 1, column == 0)
            _label(panel, _step_word(results), point_label(point) + _smooth_words(smooth))
    return finish(figure, styles, title=title, note=_note(results, names, look))


def _check(band: str, smooth: int, max_points: int) -> None:
    if band not in _BAND_WORDS:
        raise ValueError(f"band must be one of {', '.join(map(repr, _BAND_WORDS))}, got {band!r}")
    if smooth < 1 or max_points < 2:
        raise ValueError(f"smooth must be at least 1 and max_points 2, got {smooth} and {max_points}")


def _draw(axes: Axes, cell: CellResult, metric: str, style: MethodStyle, look: _Look) -> float:
    """Draw one cell and return the highest value drawn."""
    steps, curves = recorded_curves(cell.metric(metric), smooth=look.smooth, max_points=look.max_points)
    if cell.bin_width > 1:
        # A point in the middle of each bin, where a curve of constant pieces would look like stairs.
        middle = steps % cell.bin_width == cell.bin_width // 2
        if middle.any():
            steps, curves = steps[middle], curves[:, middle]
    mean = look.lift(mean_curve(curves))
    # A few rare evaluations are points, not a continuum: mark them.
    marker = style.marker if len(steps) <= _MARKED else ""
    axes.plot(
        steps,
        mean,
        color=style.colour,
        linestyle=style.dashes,
        linewidth=1.5,
        marker=marker,
        markersize=3,
        # A broken line over a solid one leaves both visible where they meet.
        zorder=3 if style.dashes == SOLID else 3.1,
    )
    drawn = [mean]
    if look.band != "none" and len(curves) > 1:
        low, high = (look.lift(end) for end in _BANDS[look.band](curves))
        axes.fill_between(steps, low, high, color=style.colour, alpha=0.14, linewidth=0, zorder=2)
        drawn.append(high)
    if look.seeds:
        axes.plot(steps, look.lift(curves).T, color=style.colour, linewidth=0.5, alpha=0.45, zorder=1)
        drawn.append(curves)
    return max(float(np.fmax.reduce(values, axis=None, initial=0.0)) for values in drawn)


def _scale(panel: Panel, look: _Look, top: float, log_x: bool) -> None:
    if log_x:
        log_steps_axis(panel.axes)
    if look.log_y and look.floor is not None:
        log_error_axis(panel.axes, look.floor)
    elif top > 0:
        panel.axes.set_ylim(-0.02 * top, min(1.04 * top, 1.02))


def _label(panel: Panel, x: str, y: str) -> None:
    if panel.bottom:
        panel.axes.set_xlabel(x, fontsize=LABEL_SIZE)
    if panel.left:
        panel.axes.set_ylabel(drawable(y), fontsize=LABEL_SIZE)


def _is_tokens(results: Sequence[CellResult]) -> bool:
    return all("vocab_size" in result.spec.get("task", {}) for result in results)


def _step_word(results: Sequence[CellResult]) -> str:
    return "episode" if _is_tokens(results) else "step"


def _metric_label(results: Sequence[CellResult], metric: str) -> str:
    if metric != "error":
        return _METRIC_WORDS.get(metric, metric.replace("_", " "))
    return "error (1 − mean reward)" if _is_tokens(results) else "error"


def _smooth_words(smooth: int) -> str:
    return f"\nrunning mean over {smooth}" if smooth > 1 else ""


def _note(results: Sequence[CellResult], names: Sequence[str], look: _Look) -> str:
    metrics = (result.metrics[name] for result in results for name in names if name in result.metrics)
    longest = max(len(recorded_steps(values)) for values in metrics)
    every = -(-longest // look.max_points)
    word = _step_word(results)
    width = max(result.bin_width for result in results)
    parts = [
        f"Line: mean over {seeds_label(results)}",
        "" if all(len(result.seeds) == 1 for result in results) else _BAND_WORDS[look.band],
        "; thin lines: single seeds" if look.seeds else "",
        f"; 1 {word} in {every} drawn" if every > 1 else "",
        f"; means of {width} {word}s" if width > 1 else "",
    ]
    return "".join(parts)
