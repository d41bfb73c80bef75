"""The mean of rewards with an interval, over the questions that were drawn and over the seeds."""

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
        """The interval of a rising or falling function of the mean."""
        return Interval(function(self.mean), *sorted(function(end) for end in (self.low, self.high)))


def interval(values: Float[np.ndarray, "s n"] | Bool[np.ndarray, "s n"], lowest: float = 0.0) -> Interval:
    """The mean of rewards between `lowest` and 1, with a 95% interval.

    It is that of Korn and Graubard: the exact interval of Clopper and Pearson for `n m` successes in `n`,
    where `n` is the effective number of questions, the number of zeros and ones whose mean would vary as much
    as the mean `m` of the values. For zeros and ones of one seed, these are the questions themselves. It is
    never without width.

    With several seeds, the mean varies as the questions make it vary, or as the means of the seeds do (by
    Student's t, since there are few), whichever is more. A seed draws its own questions, so the latter holds
    the noise of the questions too.

    Args:
        values: the reward of every question, by seed.
        lowest: the least reward there can be.

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
    """How many zeros and ones have a mean that varies as much as that of the values."""
    seeds, largest = len(unit), m * (1 - m)  # the variance if all values were 0 or 1
    if largest <= 0:
        return float(unit.size)
    # Values that are all alike say little about those that were not drawn: z^2 more, as far apart as can be.
    variance = (unit.size * float(unit.var()) + _Z**2 * largest) / (unit.size + _Z**2)
    count = unit.size * largest / variance
    between = float(unit.mean(axis=1).var(ddof=1)) / seeds if seeds > 1 else 0.0
    if between > 0:
        count = min(count, largest / between * (_Z / t_quantile(LEVEL, seeds - 1)) ** 2)
    return count
