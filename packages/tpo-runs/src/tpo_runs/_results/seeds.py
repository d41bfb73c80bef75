"""Statistics over seeds: the seed is the replication unit everywhere."""

import functools
import math
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2
ERRORS = (0.0, 1.0)  # the range of errors
ROUNDING = 1e-6  # the rounding error of a float32 mean of ones
DRAWS = 20_000
FAILED = 0.5  # a seed with a final error above this has failed; one that rises above it again has relapsed


class Interval(NamedTuple):
    """A closed interval; NaN ends if there is none."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)


@dataclass(frozen=True)
class Summary:
    """Mean, standard error, interval of the mean and interquartile mean of one number per seed."""

    seeds: int
    mean: float
    standard_error: float
    interval: Interval
    iqm: float


def standard_error(values: Float[np.ndarray, " s"]) -> float:
    """Standard error of the mean, `std / sqrt(s)` with the sample standard deviation; NaN for one seed.

    >>> import numpy as np
    >>> standard_error(np.array([0.0, 1.0]))
    0.5
    """
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else math.nan


def known_mean(values: Float[np.ndarray, "..."], axis: int) -> Float[np.ndarray, "..."]:
    """Mean over the values that are not NaN; NaN, without a warning, if there is none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.asarray(np.nanmean(values, axis=axis, dtype=np.float64))


def interquartile_means(values: Float[np.ndarray, "*d s"]) -> Float[np.ndarray, "*d"]:
    """Means over the last axis without the lowest and the highest quarter, each rounded down to whole values.

    Source: R. Agarwal et al., *Deep RL at the Edge of the Statistical Precipice*, 2021.

    >>> import numpy as np
    >>> float(interquartile_means(np.array([0.0, 0.25, 0.75, 9.0])))
    0.5
    """
    count = values.shape[-1]
    cut = count // 4
    means = np.sort(values, axis=-1)[..., cut : count - cut].mean(axis=-1)
    # NaN sorts to the end, where it would be cut off.
    return np.where(np.isnan(values).any(axis=-1), np.nan, means)


@functools.lru_cache(maxsize=4)
def seed_weights(
    count: int, future: int | None = None, draws: int = DRAWS
) -> Float[np.ndarray, "draws weights"]:
    """Uniform random weights of `count` seeds and, in the last column, of one hypothetical, unseen seed.

    With `future`, so many future seeds are drawn with these weights, and their shares are returned. The array
    is read-only; each row sums to 1.
    """
    random = np.random.default_rng(0)
    # Stratify the weight of the unseen seed, on which the ends depend most, instead of sampling it.
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
    """Interval of the mean of the population of seeds, or of the mean over future seeds.

    With bounds, it is Gaffke's interval. Its coverage was at least nominal for every distribution and number
    of seeds tried, including rare failures. One hypothetical seed is added, at the upper bound for the upper
    end and at the lower bound for the lower end; each end is a quantile over random weights of the seeds. If
    all values are at the bounds, it is the interval of Clopper and Pearson. Without bounds, it is Student's
    interval, which does not allow for rare outcomes that no seed shows.

    Source: N. Gaffke, *Three test statistics for a nonparametric one-sided hypothesis on the mean of a
    nonnegative variable*, 2005; E. Learned-Miller and P. Thomas, *A new confidence interval for the mean of a
    bounded random variable*, 2020.

    Args:
        values: `[s]`, one per seed.
        bounds: the smallest and the largest possible value, or None. Ignored if a value is outside.
        future: for the mean over this many future seeds; None for that of the population.
        confidence: in (0, 1).

    Returns:
        The interval. Its ends are NaN for a single value, if a value is NaN, and for equal values without
        bounds.

    >>> import numpy as np
    >>> low, high = mean_interval(np.zeros(10))  # 0 of 10 seeds failed
    >>> low, round(high, 2)
    (0.0, 0.31)
    """
    count = len(values)
    if count < 2 or np.isnan(values).any():
        return NO_INTERVAL
    tail = (1 - confidence) / 2
    ordered = np.sort(values.astype(np.float64))
    if bounds is None or ordered[0] < bounds[0] - ROUNDING or ordered[-1] > bounds[1] + ROUNDING:
        if ordered[0] == ordered[-1]:
            return NO_INTERVAL
        mean, more = float(ordered.mean()), 0 if future is None else count / future
        half = float(special.stdtrit(count - 1, 1 - tail)) * standard_error(ordered) * math.sqrt(1 + more)
        return Interval(mean - half, mean + half)
    low, high = bounds
    weights = seed_weights(count, future)
    means = weights[:, :-1] @ (np.clip(ordered, low, high) - low)
    return Interval(
        float(low + np.quantile(means, tail)),
        float(low + np.quantile(means + weights[:, -1] * (high - low), 1 - tail)),
    )


def share_interval(count: int, total: int) -> Interval:
    """Exact 95% interval of a share (Clopper and Pearson).

    >>> low, high = share_interval(0, 4)
    >>> low, round(high, 2)
    (0.0, 0.6)
    """
    low = special.betaincinv(count, total - count + 1, TAIL) if count else 0.0
    high = special.betaincinv(count + 1, total - count, 1 - TAIL) if count < total else 1.0
    return Interval(float(low), float(high))


def summarize(values: Float[np.ndarray, " s"], bounds: tuple[float, float] | None = ERRORS) -> Summary:
    """Statistics of one number per seed; for the bounds see `mean_interval`.

    >>> import numpy as np
    >>> summary = summarize(np.array([0.0, 0.0, 1.0, 1.0]))
    >>> summary.mean, summary.iqm
    (0.5, 0.5)
    """
    return Summary(
        seeds=len(values),
        mean=float(np.mean(values)),
        standard_error=standard_error(values),
        interval=mean_interval(values, bounds),
        iqm=float(interquartile_means(values)),
    )


def has_failed(final: Float[np.ndarray, " s"]) -> Bool[np.ndarray, " s"]:
    """Which seeds have failed: their final error is above 0.5 or NaN.

    >>> import numpy as np
    >>> has_failed(np.array([0.1, 0.9, np.nan, 0.5])).tolist()
    [False, True, True, False]
    """
    return ~(final <= FAILED)


def highest_since_solved(
    error: Float[np.ndarray, "s steps"], *, solved: float = 0.01
) -> Float[np.ndarray, " s"]:
    """The highest error of each seed after it was first below `solved`; NaN if it never was.

    >>> import numpy as np
    >>> highest_since_solved(np.array([[1.0, 0.0, 0.9], [1.0, 0.9, 0.5]])).tolist()
    [0.9, nan]
    """
    was_solved = np.logical_or.accumulate(error < solved, axis=1)
    highest = np.fmax.reduce(np.where(was_solved, error, np.nan), axis=1)
    return np.asarray(highest, dtype=np.float64)


def relapses(error: Float[np.ndarray, "s steps"], *, solved: float = 0.01) -> Bool[np.ndarray, " s"]:
    """Which seeds were solved (error below `solved`) and later rose above 0.5.

    >>> import numpy as np
    >>> relapses(np.array([[1.0, 0.0, 0.9], [1.0, 0.9, 0.0]])).tolist()
    [True, False]
    """
    return highest_since_solved(error, solved=solved) > FAILED
