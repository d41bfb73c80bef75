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
    group_by_point,
    interval_band,
    mean_curve,
    recorded_curves,
    recorded_steps,
    standard_error_band,
)
from .._text import point_label, spaced
from .axes import check_floor, extent, log_error_axis, log_steps_axis, make_axes
from .labels import drawable, metric_label, seeds_label, smooth_words, step_word
from .panels import TITLE_SIZE, Panel, finish, make_panels, styles_of
from .style import SOLID, MethodStyle

Band = Literal["interval", "standard_error", "none"]

_MARKED = 60  # curves of at most this many points get markers
_BANDS = {"interval": interval_band, "standard_error": standard_error_band}
_BAND_WORDS = {
    "interval": "; band: 95% t interval",
    "standard_error": "; band: ± 1 standard error",
    "none": "",
}


@dataclass(frozen=True)
class _Options:
    band: Band
    smooth: int
    max_points: int
    seeds: bool = False
    log_y: bool = False
    floor: float | None = None  # where smaller values are drawn on a log axis; None omits values <= 0

    def lift(self, values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """The values that the axis can show."""
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
    """Error over training steps: one panel per grid point, one line per method.

    Args:
        results: the cells; up to two varying grid axes span rows and columns.
        metric: the metric to draw, in `[0, 1]`.
        band: the band around the mean over seeds: Student's 95% interval, one standard error, or none.
        seeds: whether to draw every seed as a thin line.
        log_x: logarithmic steps; omits step 0.
        log_y: logarithmic error.
        floor: with `log_y`, where smaller errors are drawn. The lowest tick is labeled "≤".
        smooth: window of a running mean over steps, stated in the axis label; 1 disables it.
        max_points: longer curves are thinned evenly, as stated in the note.
        title: title of the figure.

    Returns:
        The figure, not yet saved.

    Raises:
        ValueError: there are no results, two cells with the same name and point, or an invalid `band`,
            `floor` or `smooth`.
    """
    _check(band, smooth, max_points)
    check_floor(floor)
    options = _Options(band, smooth, max_points, seeds, log_y, floor)
    figure, panels = make_panels(results, size=(2.6, 2.0))
    styles = styles_of(results)
    drawn = [
        values
        for panel in panels
        for cell in reversed(panel.cells)
        for values in _draw(panel.axes, cell, metric, styles[cell.method], options)
    ]
    for panel in panels:
        _scale(panel, options, extent(drawn, (0.0, 0.0)), log_x)
        panel.label(step_word(results), metric_label(results, metric) + smooth_words(smooth))
    return finish(figure, styles, title=title, note=_note(results, [metric], options))


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
    """Probes over training steps: one column per metric, one row per grid point, one line per method.

    A method without values of a metric has no line in that column. Means are over the seeds that have a value
    at the step. The metrics are `names`, by default all except "error". With `log_y`, values at or below 0
    are left out. The other options are those of `learning_curves`.

    Raises:
        ValueError: there are no results, or no cell has one of the metrics.
    """
    _check(band, smooth, max_points)
    check_results(results)
    present = dict.fromkeys(name for result in results for name in result.metrics)
    names = [name for name in present if name != "error"] if names is None else list(names)
    if not names or not set(names) <= set(present):
        raise ValueError(f"no cell has the probes {names}; the metrics are {', '.join(present)}")
    options = _Options(band, smooth, max_points, log_y=log_y)
    groups = group_by_point(results)
    figure, grid = make_axes(len(groups), len(names), (2.8, 2.1), share_y="col")
    styles = styles_of(results)
    for row, (point, cells) in enumerate(groups):
        for column, name in enumerate(names):
            axes = grid[row, column]
            axes.tick_params(labelbottom=row == len(groups) - 1)
            for cell in reversed(cells):
                if name in cell.metrics and not np.isnan(cell.metrics[name]).all():
                    _draw(axes, cell, name, styles[cell.method], options)
            if log_x:
                log_steps_axis(axes)
            axes.set_yscale("log" if log_y else "linear")
            if row == 0:
                axes.set_title(drawable(spaced(name)), fontsize=TITLE_SIZE)
            panel = Panel(axes, point, cells, row == len(groups) - 1, column == 0)
            panel.label(step_word(results), point_label(point) + smooth_words(smooth))
    return finish(figure, styles, title=title, note=_note(results, names, options))


def _check(band: str, smooth: int, max_points: int) -> None:
    if band not in _BAND_WORDS:
        raise ValueError(f"band must be one of {', '.join(map(repr, _BAND_WORDS))}, got {band!r}")
    if smooth < 1 or max_points < 2:
        raise ValueError(f"smooth must be at least 1 and max_points 2, got {smooth} and {max_points}")


def _draw(
    axes: Axes, cell: CellResult, metric: str, style: MethodStyle, options: _Options
) -> list[np.ndarray]:
    """Draw one cell and return the values drawn."""
    values = cell.metric(metric)
    # Of bins, one point in the middle of each, before thinning, so that the curve does not look like stairs.
    most = options.max_points if cell.bin_width == 1 else values.shape[1]
    steps, curves = recorded_curves(values, smooth=options.smooth, max_points=most)
    if cell.bin_width > 1:
        middle = steps % cell.bin_width == cell.bin_width // 2
        chosen = np.flatnonzero(middle if middle.any() else ~middle)
        chosen = chosen[:: -max(1, -(-len(chosen) // options.max_points))][::-1]
        steps, curves = steps[chosen], curves[:, chosen]
    mean = options.lift(mean_curve(curves))
    # Mark the points of sparse evaluations.
    marker = style.marker if len(steps) <= _MARKED else ""
    axes.plot(
        steps,
        mean,
        color=style.color,
        linestyle=style.dashes,
        linewidth=1.5,
        marker=marker,
        markersize=3,
        # Dashed lines over solid ones, so that both remain visible.
        zorder=3 if style.dashes == SOLID else 3.1,
    )
    drawn = [mean]
    if options.band != "none" and len(curves) > 1:
        low, high = (options.lift(end) for end in _BANDS[options.band](curves))
        axes.fill_between(steps, low, high, color=style.color, alpha=0.14, linewidth=0, zorder=2)
        drawn += [low, high]
    if options.seeds:
        axes.plot(steps, options.lift(curves).T, color=style.color, linewidth=0.5, alpha=0.45, zorder=1)
        drawn.append(options.lift(curves))
    return drawn


def _scale(panel: Panel, options: _Options, drawn: tuple[float, float], log_x: bool) -> None:
    if log_x:
        log_steps_axis(panel.axes)
    if options.log_y and options.floor is not None:
        log_error_axis(panel.axes, options.floor, drawn if drawn[1] > 0 else (options.floor, 1.0))
    elif (top := drawn[1]) > 0:
        panel.axes.set_ylim(-0.02 * top, min(1.04 * top, 1.02))


def _note(results: Sequence[CellResult], names: Sequence[str], options: _Options) -> str:
    metrics = (
        (result, result.metrics[name]) for result in results for name in names if name in result.metrics
    )
    longest = max(len(recorded_steps(values)) // result.bin_width for result, values in metrics)
    every = -(-longest // options.max_points)
    word = step_word(results)
    width = max(result.bin_width for result in results)
    parts = [
        f"Line: mean over {seeds_label(results)}",
        "" if all(len(result.seeds) == 1 for result in results) else _BAND_WORDS[options.band],
        "; thin lines: single seeds" if options.seeds else "",
        f"; 1 {word} in {every} drawn" if every > 1 else "",
        f"; means of {width} {word}s" if width > 1 else "",
    ]
    return "".join(parts)
