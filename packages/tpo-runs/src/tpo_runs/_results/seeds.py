"""Statistics over seeds: the seed is the replication unit everywhere."""

import functools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from .cell import CellResult, final_error

CONFIDENCE = 0.95
ERRORS = (0.0, 1.0)  # between which every error is
ROUNDING = 1e-6  # of float32, in a mean of ones
DRAWS = 20_000
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


@functools.lru_cache(maxsize=4)
def seed_weights(
    count: int, future: int | None = None, draws: int = DRAWS, seed: int = 0
) -> Float[np.ndarray, "draws weights"]:
    """Random weights of `count` seeds and of one that was not seen: all weightings are equally likely.

    Args:
        count: how many seeds there are.
        future: draw so many further seeds with these weights, and return their shares; None draws none.
        draws: how many weightings.
        seed: of the drawing.

    Returns:
        `[draws, count + 1]`, each row with the sum 1; not to be changed.
    """
    random = np.random.default_rng(seed)
    # That of the seed that was not seen is spread evenly over its distribution, since ends depend on it most.
    unseen = 1 - (1 - (np.arange(draws) + 0.5) / draws) ** (1 / count)
    seen = random.dirichlet(np.ones(count), size=draws)
    weights = np.column_stack([seen * (1 - unseen)[:, None], unseen])
    if future is not None:
        weights = random.multinomial(future, weights) / future
    weights.flags.writeable = False
    return weights


def mean_interval(
    values: Float[np.ndarray, " s"],
    bounds: tuple[float, float] | None = ERRORS,
    *,
    future: int | None = None,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Interval of the mean over seeds, or of the mean over a number of further seeds.

    For a metric with bounds it is Gaffke's: its coverage is at least nominal for every distribution and every
    number of seeds that was tried, seeds that rarely fail among them. To the upper end counts one more seed,
    at the upper bound, and to the lower end one at the lower bound; the end is a quantile over random weights
    of the seeds. For seeds that are all at one or the other bound it is the interval of Clopper and Pearson.
    Without bounds it is Student's, which knows nothing of kinds of seeds that were not seen.

    Source: N. Gaffke, *Three test statistics for a nonparametric one-sided hypothesis on the mean of a
    nonnegative variable*, 2005; E. Learned-Miller and P. Thomas, *A new confidence interval for the mean of a
    bounded random variable*, 2020.

    Args:
        values: `[s]`, one per seed.
        bounds: the least and the greatest possible value; None if there are none, or if values are outside.
        future: of how many further seeds like these the mean lies there; None for the mean of all there are.
        confidence: in (0, 1).

    Returns:
        The interval. One value, a NaN among them, or equal values without bounds: NaN ends.

    >>> import numpy as np
    >>> low, high = mean_interval(np.zeros(10))  # no seed of ten failed: up to 31% may
    >>> low, round(high, 2)
    (0.0, 0.31)
    """
    count = len(values)
    if count < 2 or np.isnan(values).any():
        return Interval(float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    ordered = np.sort(values.astype(np.float64))
    if bounds is None or ordered[0] < bounds[0] - ROUNDING or ordered[-1] > bounds[1] + ROUNDING:
        if ordered[0] == ordered[-1]:
            return Interval(float("nan"), float("nan"))
        mean, more = float(ordered.mean()), 0 if future is None else count / future
        half = float(stats.t.ppf(1 - tail, count - 1)) * standard_error(ordered) * math.sqrt(1 + more)
        return Interval(mean - half, mean + half)
    low, high = bounds
    weights = seed_weights(count, future)
    means = weights[:, :-1] @ (np.clip(ordered, low, high) - low)
    return Interval(
        float(low + np.quantile(means, tail)),
        float(low + np.quantile(means + weights[:, -1] * (high - low), 1 - tail)),
    )


def share_interval(count: int, total: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Exact interval of a share, by Clopper and Pearson.

    >>> low, high = share_interval(0, 4)
    >>> low, round(high, 2)
    (0.0, 0.6)
    """
    found = stats.binomtest(count, total).proportion_ci(confidence, method="exact")
    return Interval(float(found.low), float(found.high))


def summarise(
    values: Float[np.ndarray, " s"],
    bounds: tuple[float, float] | None = ERRORS,
    *,
    confidence: float = CONFIDENCE,
) -> Summary:
    """Mean, standard error, interval of the mean and interquartile mean of one number per seed.

    Args:
        values: `[s]`.
        bounds: see `mean_interval`.
        confidence: in (0, 1).

    >>> import numpy as np
    >>> summary = summarise(np.array([0.0, 0.0, 1.0, 1.0]))
    >>> summary.mean, summary.iqm
    (0.5, 0.5)
    """
    return Summary(
        seeds=len(values),
        mean=float(np.mean(values)),
        standard_error=standard_error(values),
        interval=mean_interval(values, bounds, confidence=confidence),
        iqm=float(interquartile_mean(values)),
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
        number of shared seeds, mean difference, its interval, p-value (NaN for one seed).

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
    interval = mean_interval(
        difference, (ERRORS[0] - ERRORS[1], ERRORS[1] - ERRORS[0]), confidence=confidence
    )
    return PairedComparison(len(seeds), float(difference.mean()), interval, p_value)
