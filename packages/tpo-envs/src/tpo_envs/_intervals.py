"""The mean of rewards with a confidence interval over questions and seeds."""

import dataclasses
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
from jaxtyping import Bool, Float

from ._beta import beta_quantile, t_quantile

LEVEL = 0.95
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def mapped(self, function: Callable[[float], float]) -> "Interval":
        """The interval of a monotonic function of the mean."""
        return Interval(function(self.mean), *sorted(function(end) for end in (self.low, self.high)))


def interval(values: Float[np.ndarray, "s n"] | Bool[np.ndarray, "s n"], lowest: float = 0.0) -> Interval:
    """The mean of rewards between `lowest` and 1, with a 95% interval.

    This is the interval of Korn and Graubard: the exact interval of Clopper and Pearson for `n m` successes
    in `n` trials, where `m` is the mean of the values and `n` is the effective number of questions, that is,
    the number of zeros and ones whose mean would have the same variance. For zeros and ones of one seed, it
    is the number of questions. The width is never zero.

    With several seeds, the variance of the mean is the larger of two estimates: over questions, or over the
    means of the seeds (with Student's t, because there are few seeds). Every seed draws its own questions, so
    the latter includes the noise of the questions.

    Args:
        values: the reward of every question, by seed.
        lowest: the minimum reward.

    Returns:
        `Interval`.

    Example:
        >>> import numpy as np
        >>> print(interval(np.zeros((1, 1000))))
        0.000 [0.000, 0.004]

    Source: Korn and Graubard, "Confidence intervals for proportions with small expected number of positive
    counts estimated from survey data", 1998.
    """
    unit = (np.asarray(values, np.float64) - lowest) / (1 - lowest)
    m = float(np.clip(unit.mean(), 0, 1))
    count = _effective_count(unit, m)
    hits, tail = m * count, (1 - LEVEL) / 2
    low = beta_quantile(tail, hits, count - hits + 1) if hits > 0 else 0.0
    high = beta_quantile(1 - tail, hits + 1, count - hits) if hits < count else 1.0
    width = 1 - lowest
    mean = float(np.mean(values))
    return Interval(mean, min(mean, lowest + width * low), max(mean, lowest + width * high))


def _effective_count(unit: Float[np.ndarray, "s n"], m: float) -> float:
    """The number of zeros and ones whose mean has the same variance as that of the values."""
    seeds, largest = len(unit), m * (1 - m)  # the variance if all values were 0 or 1
    if largest <= 0:
        return float(unit.size)
    # Equal values say little about values that were not drawn, so add z^2 values with the largest variance.
    variance = (unit.size * float(unit.var()) + _Z**2 * largest) / (unit.size + _Z**2)
    count = unit.size * largest / variance
    between = float(unit.mean(axis=1).var(ddof=1)) / seeds if seeds > 1 else 0.0
    if between > 0:
        count = min(count, largest / between * (_Z / t_quantile(LEVEL, seeds - 1)) ** 2)
    return count
