"""The data of the report's interactive charts: the curves of all metrics, and the final values."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from .._figures import SOLID, MethodStyle, method_styles
from .._results import (
    CellResult,
    final_error,
    group_by_point,
    interval_band,
    mean_curve,
    recorded_curves,
    summarize,
)
from .._text import point_label, spaced

# Limits on the numbers in a page, about 7 bytes each: in all curves together, and in one curve.
MAX_NUMBERS = 250_000
MIN_POINTS, MAX_POINTS = 40, 400
DARK_PAGE, LIGHT_PAGE = (0x14, 0x17, 0x1A), (0xFF, 0xFF, 0xFF)
MIN_CONTRAST = 3.0  # WCAG 2.2, 1.4.11: graphics

Chart = dict[str, Any]


def curve_charts(results: Sequence[CellResult], metrics: Sequence[str]) -> list[Chart]:
    """A chart per metric and grid point: a line per method, its band, and its seeds if they fit the page."""
    shown = [
        (metric, point, cells)
        for metric in metrics
        for point, every in group_by_point(results)
        if (cells := _recorded(every, metric))
    ]
    curves = sum(len(cells) for _, _, cells in shown)
    seeds = sum(len(cell.seeds) for _, _, cells in shown for cell in cells)
    points = min(MAX_POINTS, max(MIN_POINTS, MAX_NUMBERS // max(1, 4 * curves)))
    with_seeds = points * seeds <= MAX_NUMBERS
    styles = method_styles(result.method for result in results)
    charts = []
    for metric, point, cells in shown:
        series = [_series(cell, metric, points, with_seeds, styles[cell.method]) for cell in cells]
        every = max(-(-cell.steps // points) for cell in cells)
        thinned = f" One step in about {every} is drawn." if every > 1 else ""
        alt = f"{spaced(metric).capitalize()} against steps{_at(point)}. Last: {_last_words(cells, metric)}."
        charts.append(_chart("curves", metric, point, spaced(metric), series, f"{alt}{thinned}"))
    return charts


def final_charts(results: Sequence[CellResult], metric: str) -> list[Chart]:
    """A chart per grid point: the final value of every seed by method, with the mean and its interval."""
    styles = method_styles(result.method for result in results)
    charts = []
    for point, every in group_by_point(results):
        if cells := _recorded(every, metric):
            series = [{**_look(cell, styles[cell.method]), **_finals(cell, metric)} for cell in cells]
            alt = f"Last {spaced(metric)} of every seed{_at(point)}: {_last_words(cells, metric)}."
            charts.append(_chart("finals", metric, point, f"last {spaced(metric)}", series, alt))
    return charts


def _chart(
    kind: str, metric: str, point: Mapping[str, object], y: str, series: Sequence[Chart], alt: str
) -> Chart:
    title = point_label(point) or y
    return {"kind": kind, "metric": metric, "title": title, "y": y, "series": series, "alt": alt}


def _series(cell: CellResult, metric: str, points: int, with_seeds: bool, style: MethodStyle) -> Chart:
    steps, curves = recorded_curves(cell.metric(metric), smooth=1, max_points=points)
    mean = mean_curve(curves)
    series = {**_look(cell, style), "x": steps.tolist(), "mean": _numbers(mean)}
    if len(curves) > 1:
        # Plotly fills across gaps, so the band has no width where there is no interval.
        low, high = (np.where(np.isnan(end), mean, end) for end in interval_band(curves))
        series |= {"low": _numbers(low), "high": _numbers(high)}
    if with_seeds and len(curves) > 1:
        series["seeds"] = dict(zip(_seed_names(cell), map(_numbers, curves), strict=True))
    return series


def _finals(cell: CellResult, metric: str) -> Chart:
    final = final_error(cell, metric=metric)
    summary = summarize(final)
    return {
        "values": _numbers(final),
        "seeds": _seed_names(cell),
        "mean": _number(summary.mean),
        "interval": _numbers(summary.interval),
    }


def _seed_names(cell: CellResult) -> list[str]:
    return [f"seed {seed}" for seed in cell.seeds.tolist()]


def _look(cell: CellResult, style: MethodStyle) -> Chart:
    dash = "solid" if style.dashes == SOLID else ",".join(f"{2 * part:g}px" for part in style.dashes[1])
    return {
        "name": cell.method,
        "light": readable(style.color, LIGHT_PAGE),
        "dark": readable(style.color, DARK_PAGE),
        "dash": dash,
    }


def _recorded(cells: Iterable[CellResult], metric: str) -> list[CellResult]:
    """The cells that have a value of the metric."""
    return [cell for cell in cells if metric in cell.metrics and not np.isnan(cell.metrics[metric]).all()]


def _last_words(cells: Sequence[CellResult], metric: str) -> str:
    means = {cell.method: summarize(final_error(cell, metric=metric)).mean for cell in cells}
    lost = "none, a seed diverged"
    words = {name: f"{mean:.3g}" if math.isfinite(mean) else lost for name, mean in means.items()}
    return ", ".join(f"{name} {text}" for name, text in words.items())


def _at(point: Mapping[str, object]) -> str:
    return f" at {point_label(point)}" if point else ""


def _numbers(values: Iterable[float] | Float[np.ndarray, "..."]) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    """Four digits, and None for what JSON cannot represent."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def readable(color: str, page: tuple[int, int, int]) -> str:
    """The color, moved away from that of the page until the contrast is sufficient.

    >>> readable("#000000", DARK_PAGE), readable("#0072B2", LIGHT_PAGE)
    ('#666666', '#0072b2')
    """
    rgb = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    away = 255 if luminance(page) < 0.5 else 0
    moved = rgb
    for part in range(21):
        moved = [round(value + (away - value) * part / 20) for value in rgb]
        bright, dim = sorted((luminance(moved), luminance(page)), reverse=True)
        if (bright + 0.05) / (dim + 0.05) >= MIN_CONTRAST:
            break
    return "#" + "".join(f"{value:02x}" for value in moved)


def luminance(rgb: Sequence[int]) -> float:
    """The relative luminance of WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
