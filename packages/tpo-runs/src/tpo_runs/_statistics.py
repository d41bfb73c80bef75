"""Statistics over seeds: the seed is the replication unit everywhere."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from ._results import CellResult, final_error

CONFIDENCE = 0.95
FAILED = 0.5  # a seed whose error ends above it has failed, one that comes back above it has relapsed


class Interval(NamedTuple):
    """An interval with both ends included; NaN ends mean that there is none."""

    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """One number per seed, summarised: see `summarise`."""

    seeds: int
    mean: float
    standard_error: float
    interval: Interval
    iqm: float
    iqm_interval: Interval


@dataclass(frozen=True)
class PairedComparison:
    """Two methods on their shared seeds: see `paired_comparison`."""

    seeds: int
    difference: float
    interval: Interval
    p_value: float


def standard_error(values: Float[np.ndarray, " s"]) -> float:
    """Standard error of the mean over seeds, `std / sqrt(s)` with the sample std; NaN for one seed.

    >>> import numpy as np
    >>> standard_error(np.array([0.0, 1.0]))
    0.5
    """
    if len(values) < 2:
        return float("nan")
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def interquartile_mean(values: Float[np.ndarray, "*b s"], axis: int = -1) -> Float[np.ndarray, "*b"] | float:
    """Mean of the middle half: the lowest and the highest quarter are cut, each rounded down.

    Source: R. Agarwal et al., *Deep RL at the Edge of the Statistical Precipice*, 2021.

    >>> import numpy as np
    >>> float(interquartile_mean(np.array([0.0, 0.25, 0.75, 9.0])))
    0.5
    """
    return stats.trim_mean(values, 0.25, axis=axis)


def bootstrap_interval(
    values: Float[np.ndarray, " s"],
    statistic: Callable[..., Float[np.ndarray, "..."] | float] = np.mean,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = 5000,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval of a statistic over seeds: bias corrected and accelerated (BCa).

    Args:
        values: `[s]`, one per seed.
        statistic: a function of `(values, axis=...)`.
        confidence: in (0, 1).
        resamples: bootstrap resamples.
        seed: of the resampling; the same input always gives the same interval.

    Returns:
        The interval. All values equal: the point itself. One value, or a NaN among them: NaN ends, since
        nothing is known of the spread. Where BCa is undefined (a statistic that ignores every single seed,
        such as the interquartile mean of a few outliers): the percentile interval.

    >>> import numpy as np
    >>> bootstrap_interval(np.array([0.2, 0.2, 0.2]))
    Interval(low=0.2, high=0.2)
    """
    if len(values) < 2 or np.isnan(values).any():
        return Interval(float("nan"), float("nan"))
    if np.ptp(values) == 0:
        return Interval(float(values[0]), float(values[0]))
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore", stats.DegenerateDataWarning)
            result = stats.bootstrap(
                (values,),
                statistic,
                n_resamples=resamples,
                confidence_level=confidence,
                method=method,
                vectorized=True,
                rng=np.random.default_rng(seed),
            )
        interval = Interval(*(float(end) for end in result.confidence_interval))
        if not np.isnan(interval).any():
            break
    return interval


def summarise(values: Float[np.ndarray, " s"], *, confidence: float = CONFIDENCE) -> Summary:
    """Mean, standard error, interquartile mean and bootstrap intervals of one number per seed.

    >>> import numpy as np
    >>> summary = summarise(np.array([0.0, 0.0, 1.0, 1.0]))
    >>> summary.mean, summary.iqm
    (0.5, 0.5)
    """
    return Summary(
        seeds=len(values),
        mean=float(np.mean(values)),
        standard_error=standard_error(values),
        interval=bootstrap_interval(values, confidence=confidence),
        iqm=float(interquartile_mean(values)),
        iqm_interval=bootstrap_interval(values, interquartile_mean, confidence=confidence),
    )


def failed_share(final: Float[np.ndarray, " s"], *, above: float = FAILED) -> float:
    """Share of seeds whose final error is above a level; a NaN counts as failed.

    >>> import numpy as np
    >>> failed_share(np.array([0.1, 0.9, np.nan, 0.5]))
    0.5
    """
    return float(np.mean(has_failed(final, above=above)))


def has_failed(final: Float[np.ndarray, " s"], *, above: float = FAILED) -> Bool[np.ndarray, " s"]:
    """Which seeds have failed: their final error is above a level, or NaN.

    >>> import numpy as np
    >>> has_failed(np.array([0.1, 0.9, np.nan, 0.5])).tolist()
    [False, True, True, False]
    """
    return ~(final <= above)


def highest_since_solved(
    error: Float[np.ndarray, "s steps"], *, solved: float = 0.01
) -> Float[np.ndarray, " s"]:
    """The highest error of every seed since it was first below `solved`; NaN for a seed that never was.

    >>> import numpy as np
    >>> highest_since_solved(np.array([[1.0, 0.0, 0.9], [1.0, 0.9, 0.5]])).tolist()
    [0.9, nan]
    """
    was_solved = np.logical_or.accumulate(error < solved, axis=1)
    highest = np.fmax.reduce(np.where(was_solved, error, np.nan), axis=1)
    return np.asarray(highest, dtype=np.float64)


def relapses(
    error: Float[np.ndarray, "s steps"], *, solved: float = 0.01, relapsed: float = FAILED
) -> Bool[np.ndarray, " s"]:
    """Which seeds were solved (error below `solved`) and later came back above `relapsed`.

    >>> import numpy as np
    >>> relapses(np.array([[1.0, 0.0, 0.9], [1.0, 0.9, 0.0]])).tolist()
    [True, False]
    """
    return highest_since_solved(error, solved=solved) > relapsed


def _shared_seeds(first: CellResult, second: CellResult) -> Int[np.ndarray, " s"]:
    shared = np.intersect1d(first.seeds, second.seeds)
    if len(shared) == 0:
        raise ValueError(
            f"{first.method!r} and {second.method!r} share no seed: "
            f"{first.seeds.tolist()} and {second.seeds.tolist()}; run both over the same seeds"
        )
    return shared


def paired_comparison(
    first: CellResult,
    second: CellResult,
    *,
    fraction: float = 0.01,
    metric: str = "error",
    confidence: float = CONFIDENCE,
    resamples: int = 9999,
    seed: int = 0,
) -> PairedComparison:
    """Difference of the final errors, first minus second, on the seeds that both have.

    The same seed gives both methods the same initial policy, so differences are taken per seed. The p-value
    is two-sided, from the permutation test that flips the signs of the differences: exact while `2**s` is at
    most `resamples`, sampled otherwise.

    Returns:
        number of shared seeds, mean difference, its bootstrap interval, p-value (NaN for one seed).

    Raises:
        ValueError: no seed is shared.
    """
    seeds = _shared_seeds(first, second)

    def on_shared(result: CellResult) -> Float[np.ndarray, " s"]:
        order = {int(s): i for i, s in enumerate(result.seeds)}
        values = final_error(result, fraction=fraction, metric=metric)
        return values[[order[int(s)] for s in seeds]]

    a, b = on_shared(first), on_shared(second)
    difference = a - b
    p_value = float("nan")
    if len(seeds) > 1 and not np.isnan(difference).any():
        test = stats.permutation_test(
            (a, b),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=resamples,
            rng=np.random.default_rng(seed),
        )
        p_value = float(test.pvalue)
    interval = bootstrap_interval(difference, confidence=confidence, seed=seed)
    return PairedComparison(len(seeds), float(difference.mean()), interval, p_value)
