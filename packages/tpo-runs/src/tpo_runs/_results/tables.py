"""Tables of cells and of seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .._text import axis_label, spaced, value_label
from .cell import LAST_SHARE, CellResult, diverged_steps, final_error, final_words
from .crossings import steps_to_threshold, steps_to_threshold_interval
from .grid import check_results, grid_axes, group_by_point
from .order import reading_order
from .seeds import Interval, Summary, has_failed, relapses, share_interval, summarize
from .text_table import ABSENT, TextTable, percent, percent_interval, step_count, step_interval


@dataclass(frozen=True)
class CellSummary:
    """The numbers of one row of `summary_table`; errors and shares are in `[0, 1]`.

    Args:
        final: statistics of the final error.
        failed: the share of seeds with a final error above 0.5.
        failed_interval: its interval.
        relapsed: the number of seeds that were solved and later above 0.5.
        steps_to_threshold: until the mean error is below the threshold.
        steps_interval: its interval.
        seconds: of training.
    """

    final: Summary
    failed: float
    failed_interval: Interval
    relapsed: int
    steps_to_threshold: float
    steps_interval: Interval
    seconds: float | int | None


def summarize_cell(result: CellResult, *, threshold: float = 0.01, metric: str = "error") -> CellSummary:
    """Summarize the error of a cell over its seeds.

    The threshold is the error that counts as solved: of the mean for steps, of a seed for relapses.

    Raises:
        ValueError: the cell comes from a summary with another metric or threshold.
    """
    final = final_error(result, metric=metric)
    exact, width = result.exact, result.bin_width
    if exact is None:
        relapsed = relapses(result.metric(metric), solved=threshold)
    elif (exact.metric, exact.threshold) == (metric, threshold):
        relapsed = exact.relapsed
    else:
        asked, there = f"{metric} below {threshold:g}", f"{exact.metric} below {exact.threshold:g}"
        raise ValueError(f"the summary of {result.method!r} holds {there}, and not {asked}")
    if exact is None or exact.crossing is None:
        curves = result.metric(metric)[:, ::width]
        step = width * steps_to_threshold(curves, threshold)
        interval = steps_to_threshold_interval(curves, threshold, width=width)
    else:
        step, interval = exact.crossing
    return CellSummary(
        final=summarize(final),
        failed=float(has_failed(final).mean()),
        failed_interval=share_interval(int(has_failed(final).sum()), len(final)),
        relapsed=int(relapsed.sum()),
        steps_to_threshold=step,
        steps_interval=Interval(*interval),
        seconds=result.provenance.get("seconds"),
    )


def summary_table(
    results: Sequence[CellResult], *, threshold: float = 0.01, metric: str = "error"
) -> TextTable:
    """One row per cell: final error, failed seeds, steps to the threshold, seconds.

    A note names the seeds that diverged.
    """
    rows = []
    for names, result in _ordered(results):
        summary = summarize_cell(result, threshold=threshold, metric=metric)
        final = summary.final
        rows.append(
            (
                *names,
                str(final.seeds),
                f"{result.steps:,}",
                _mean_and_error(final),
                percent_interval(final.interval),
                percent(final.iqm),
                f"{percent(summary.failed)} {percent_interval(summary.failed_interval)}",
                str(summary.relapsed),
                _steps_and_interval(summary),
                ABSENT if summary.seconds is None else f"{summary.seconds:,.0f}",
            )
        )
    axes = _axis_columns(results)
    level = f"{100 * threshold:g}%"
    columns = ("seeds", "steps", "mean ± s.e.", "95% interval", "IQM", "failed %", "relapsed")
    return TextTable(
        f"Final {spaced(metric)} (%) and speed",
        (*axes, "method", *columns, f"steps to {level}", "seconds"),
        tuple(rows),
        numbers=len(axes) + 1,
        notes=(
            f"Final: {final_words(LAST_SHARE)}. IQM: interquartile mean.",
            "Intervals hold in 95% of runs or more, whatever the distribution of seeds: at their upper ends "
            "counts a seed that was not seen, at 100% from first to last.",
            f"Failed: share of seeds that end above 50%. Relapsed: seeds below {level} and later above 50%.",
            f"Steps to {level}: index from 0 of the first step whose mean error over seeds is below it.",
            *_lost_seeds(results),
            *_coarse_steps(results),
        ),
    )


def _coarse_steps(results: Sequence[CellResult]) -> list[str]:
    binned = [r.bin_width for r in results if r.exact is not None and r.exact.crossing is None]
    coarse = max(binned, default=1)
    return [f"Where seeds were trained in pieces, steps are known to within {coarse}."] if coarse > 1 else []


def _lost_seeds(results: Sequence[CellResult]) -> list[str]:
    lost = [
        f"{' '.join((*names, 'seed', str(seed)))} at step {step:g}"
        for names, result in _ordered(results)
        for seed, step in zip(result.seeds, diverged_steps(result), strict=True)
        if math.isfinite(step)
    ]
    if not lost:
        return []
    return [f"Diverged, NaN or infinite, and without a value since, so failed: {', '.join(lost)}."]


def seeds_table(results: Sequence[CellResult], *, metric: str = "error") -> TextTable:
    """One row per grid point and seed, one column per method.

    A missing seed is shown as a dash, a diverged one as "diverged".
    """
    check_results(results)
    axes = grid_axes(results)
    methods = reading_order(result.method for result in results)
    rows = []
    for point, cells in group_by_point(results, axes):
        place = tuple(value_label(point[axis]) for axis in axes)
        finals = {cell.method: _finals(cell, metric) for cell in cells}
        for seed in sorted({seed for final in finals.values() for seed in final}):
            found = (finals.get(method, {}).get(seed, ABSENT) for method in methods)
            rows.append((*place, str(seed), *found))
    notes = (f"Final error: {final_words(LAST_SHARE)}.",)
    columns = (*_axis_columns(results), "seed", *methods)
    title = f"Final {spaced(metric)} (%) of every seed"
    return TextTable(title, columns, tuple(rows), numbers=len(axes), notes=notes)


def _finals(cell: CellResult, metric: str) -> dict[int, str]:
    final = final_error(cell, metric=metric)
    steps = diverged_steps(cell)
    words = [
        percent(value) if math.isinf(step) else "diverged" for value, step in zip(final, steps, strict=True)
    ]
    return dict(zip(cell.seeds.tolist(), words, strict=True))


def _ordered(results: Sequence[CellResult]) -> list[tuple[tuple[str, ...], CellResult]]:
    check_results(results)
    axes = grid_axes(results)
    return [
        ((*(value_label(point[axis]) for axis in axes), cell.method), cell)
        for point, cells in group_by_point(results, axes)
        for cell in cells
    ]


def _axis_columns(results: Sequence[CellResult]) -> tuple[str, ...]:
    return tuple(axis_label(axis) for axis in grid_axes(results))


def _steps_and_interval(summary: CellSummary) -> str:
    steps, interval = step_count(summary.steps_to_threshold), step_interval(summary.steps_interval)
    return steps if interval in (steps, ABSENT) else f"{steps} {interval}"


def _mean_and_error(final: Summary) -> str:
    # The spread of equal seeds says nothing about other seeds.
    if not final.standard_error > 0:
        return percent(final.mean)
    return f"{percent(final.mean)} ± {percent(final.standard_error)}"
