"""Paired comparison of methods, and of runs of the same methods, on shared seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._text import axis_label, counted, value_label
from .cell import LAST_SHARE, CellResult, area, final_error, final_words
from .grid import check_results, grid_axes, group_by_point
from .order import reading_order
from .seeds import ERRORS, Interval, mean_interval
from .text_table import ABSENT, TextTable, p_text, percent, percent_interval

RESAMPLES = 9999  # of the permutation test
LEVEL = 0.05  # the p-value below which two runs count as different
TEST_NOTE = "p: two-sided sign-flip permutation test, not corrected for the number of rows."


@dataclass(frozen=True)
class PairedComparison:
    """Two methods on their shared seeds: see `paired_comparison`."""

    seeds: int
    difference: float
    interval: Interval
    p_value: float


def paired_comparison(
    first: CellResult, second: CellResult, *, metric: str = "error"
) -> PairedComparison | None:
    """The mean difference of the final errors, first minus second, over shared seeds; None if there are none.

    A seed gives both methods the same initial policy, so differences are taken per seed. The p-value is that
    of the two-sided sign-flip permutation test: exact if `2**s` is at most 9,999, else sampled; NaN for one
    seed.
    """
    seeds, here, there = np.intersect1d(first.seeds, second.seeds, return_indices=True)
    if not seeds.size:
        return None
    a, b = final_error(first, metric=metric)[here], final_error(second, metric=metric)[there]
    difference = a - b
    p_value = float("nan")
    if len(seeds) > 1 and not np.isnan(difference).any():
        # Imported late: it takes longer than everything else that reads results.
        from scipy import stats

        test = stats.permutation_test(
            (a, b),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=RESAMPLES,
            rng=np.random.default_rng(0),
        )
        p_value = float(test.pvalue)
    interval = mean_interval(difference, (ERRORS[0] - ERRORS[1], ERRORS[1] - ERRORS[0]))
    return PairedComparison(len(seeds), float(difference.mean()), interval, p_value)


def paired_table(results: Sequence[CellResult], *, metric: str = "error") -> TextTable:
    """The first method in reading order beside each other one, at each grid point on shared seeds.

    Methods that share no seed with the first are left out.
    """
    check_results(results)
    axes = grid_axes(results)
    rows = []
    for point, (first, *others) in group_by_point(results, axes):
        place = [value_label(point[axis]) for axis in axes]
        for other in others:
            if pair := paired_comparison(first, other, metric=metric):
                names = (*place, f"{first.method} − {other.method}")
                rows.append((*names, str(pair.seeds), *_difference(pair)))
    columns = (*map(axis_label, axes), "difference", "shared seeds", "mean (points)", "95% interval", "p")
    notes = (
        f"Difference of final errors in percentage points; final: {final_words(LAST_SHARE)}.",
        f"Interval: whatever the distribution of seeds, so that one that was not seen counts. {TEST_NOTE}",
    )
    return TextTable("Paired differences", columns, tuple(rows), numbers=len(axes) + 1, notes=notes)


@dataclass(frozen=True)
class ComparedCell:
    """One method at one grid point in two runs or more, by the names of the runs, the first one first."""

    method: str
    point: Mapping[str, Any]
    runs: Mapping[str, CellResult]


def match_cells(runs: Mapping[str, Sequence[CellResult]]) -> list[ComparedCell]:
    """The methods and grid points that two runs or more have, in reading order.

    The cells of all runs must be on the same axes; see `on_axes`.
    """
    found: dict[tuple[str, str], ComparedCell] = {}
    for name, cells in runs.items():
        for cell in cells:
            place = cell.method, repr(sorted(cell.point.items()))
            earlier = found[place].runs if place in found else {}
            found[place] = ComparedCell(cell.method, cell.point, {**earlier, name: cell})
    methods = reading_order(cell.method for cell in found.values())
    matched = [cell for cell in found.values() if len(cell.runs) > 1]
    return sorted(matched, key=lambda cell: methods.index(cell.method))


def compared_table(cells: Sequence[ComparedCell], *, metric: str = "error") -> TextTable:
    """A row for each run of each matched cell, with its difference from the cell's first run.

    A note for each pair says which run is better.
    """
    axes = grid_axes([result for cell in cells for result in cell.runs.values()])
    rows, notes = [], []
    for cell in cells:
        names = (cell.method, *(value_label(cell.point.get(axis)) for axis in axes))
        (baseline, first), *_ = cell.runs.items()
        for run, result in cell.runs.items():
            means = (final_error(result, metric=metric).mean(), area(result, metric=metric).mean())
            pair = None if result is first else paired_comparison(result, first, metric=metric)
            rows.append((*names, run, str(len(result.seeds)), *map(percent, means), *_difference(pair)))
            if result is not first:
                notes.append(f"{', '.join(names)}: {_verdict(run, baseline, pair)}.")
    columns = ("method", *map(axis_label, axes), "run", "seeds", "final (%)", "mean over steps (%)")
    columns += ("difference (points)", "95% interval", "p")
    notes.append(
        f"Final: {final_words(LAST_SHARE)}. Mean over steps: a diverged seed counts as 100% from where it "
        "diverged. Difference: of final errors on shared seeds, from the first run. " + TEST_NOTE
    )
    return TextTable("Runs compared", columns, tuple(rows), numbers=len(axes) + 2, notes=tuple(notes))


def _difference(pair: PairedComparison | None) -> tuple[str, str, str]:
    if pair is None:
        return ABSENT, ABSENT, ABSENT
    return percent(pair.difference), percent_interval(pair.interval), p_text(pair.p_value)


def _verdict(run: str, baseline: str, pair: PairedComparison | None) -> str:
    """Which run is better, in words."""
    if pair is None:
        return f"{run} and {baseline} share no seed; train both with the same seeds to compare them"
    seeds = counted(pair.seeds, "shared seed")
    if not pair.p_value < LEVEL:
        return f"{seeds} do not show that {run} and {baseline} differ"
    word = "lower" if pair.difference < 0 else "higher"
    return f"{run} ends {word} than {baseline} (p = {p_text(pair.p_value)}, {seeds})"
