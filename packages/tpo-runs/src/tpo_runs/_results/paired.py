"""Paired comparison of methods on shared seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from .._text import axis_label, value_label
from .cell import LAST_SHARE, CellResult, check_results, final_error, final_words, grid_axes, group_by_point
from .seeds import ERRORS, Interval, mean_interval
from .text_table import ABSENT, TextTable, percent, percent_interval

RESAMPLES = 9999  # of the permutation test


@dataclass(frozen=True)
class PairedComparison:
    """Two methods on their shared seeds: see `paired_comparison`."""

    seeds: int
    difference: float
    interval: Interval
    p_value: float


def _shared_seeds(first: CellResult, second: CellResult) -> Int[np.ndarray, " s"]:
    shared = np.intersect1d(first.seeds, second.seeds)
    if len(shared) == 0:
        raise ValueError(
            f"{first.method!r} and {second.method!r} share no seed: "
            f"{first.seeds.tolist()} and {second.seeds.tolist()}; run both over the same seeds"
        )
    return shared


def paired_comparison(first: CellResult, second: CellResult, *, metric: str = "error") -> PairedComparison:
    """The difference of the final errors, first minus second, on shared seeds.

    A seed gives both methods the same initial policy, so differences are taken per seed. The p-value is that
    of the two-sided sign-flip permutation test: exact if `2**s` is at most 9,999, else sampled.

    Returns:
        The number of shared seeds, the mean difference, its interval, and the p-value (NaN for one seed).

    Raises:
        ValueError: if no seed is shared.
    """
    seeds = _shared_seeds(first, second)

    def on_shared(result: CellResult) -> Float[np.ndarray, " s"]:
        order = {int(s): i for i, s in enumerate(result.seeds)}
        values = final_error(result, metric=metric)
        return values[[order[int(s)] for s in seeds]]

    a, b = on_shared(first), on_shared(second)
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
    """Compare the first method in reading order with each other one, at each grid point on shared seeds.

    Args:
        results: the cells.
        metric: the metric that counts as the error.

    Returns:
        The table; call its `rich()` or `markdown()`. Methods that share no seed with the first are omitted.
    """
    check_results(results)
    axes = grid_axes(results)
    rows = []
    for point, (first, *others) in group_by_point(results, axes):
        for other in others:
            if not np.intersect1d(first.seeds, other.seeds).size:
                continue
            pair = paired_comparison(first, other, metric=metric)
            p = ABSENT if np.isnan(pair.p_value) else f"{pair.p_value:.2g}"
            names = (*(value_label(point[axis]) for axis in axes), f"{first.method} − {other.method}")
            interval = percent_interval(pair.interval)
            rows.append((*names, str(pair.seeds), percent(pair.difference), interval, p))
    columns = (*map(axis_label, axes), "difference", "shared seeds", "mean (points)", "95% interval", "p")
    notes = (
        f"Difference of final errors in percentage points; final: {final_words(LAST_SHARE)}.",
        "Interval: whatever the distribution of seeds, so that one that was not seen counts. p: two-sided "
        "sign-flip permutation test, not corrected for the number of rows.",
    )
    return TextTable("Paired differences", columns, tuple(rows), numbers=len(axes) + 1, notes=notes)
