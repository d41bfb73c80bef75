"""What a run would have said with fewer of its seeds."""

import itertools
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from tpo_runs._results import mean_interval, steps_to_threshold

from .runs import Run

MOST_SUBSETS = 200


class Crossings(NamedTuple):
    """The step at which the mean over a subset of seeds crosses a level: over all subsets of one size."""

    low: float
    median: float
    high: float


class Intervals(NamedTuple):
    """The 95% intervals of the mean final error of subsets of one size.

    Args:
        width: the mean of their widths.
        holding: the share of those that hold the mean over all seeds, in [0, 1].
        subsets: how many there are.
    """

    width: float
    holding: float
    subsets: int


def subsets(count: int, size: int, most: int = MOST_SUBSETS) -> list[list[int]]:
    """The subsets of `range(count)` of one size: all, or `most` random ones where there are more.

    >>> subsets(3, 2)
    [[0, 1], [0, 2], [1, 2]]
    """
    if math.comb(count, size) <= most:
        return [list(chosen) for chosen in itertools.combinations(range(count), size)]
    random = np.random.default_rng(0)
    return [sorted(random.choice(count, size, replace=False).tolist()) for _ in range(most)]


def sizes(count: int) -> list[int]:
    """1, 2, 4, 8 and so on below a number of seeds, and the number.

    >>> sizes(20)
    [1, 2, 4, 8, 16, 20]
    """
    return [*(size for size in (1, 2, 4, 8, 16, 32, 64) if size < count), count]


def crossings(run: Run, size: int) -> Crossings:
    """Where the means over subsets cross, in steps, on the binned curves; infinity is never."""
    width, curves = run.cell.bin_width, run.curves
    found = [
        width * steps_to_threshold(curves[chosen], run.threshold) for chosen in subsets(len(curves), size)
    ]
    # A middle of observed steps: infinity and a number have none between them.
    return Crossings(min(found), sorted(found)[(len(found) - 1) // 2], max(found))


def intervals(final: Float[np.ndarray, " s"], size: int, most: int = 40) -> Intervals:
    """How wide the intervals of subsets are, and how often they hold the mean over all seeds."""
    found = [mean_interval(final[chosen]) for chosen in subsets(len(final), size, most)]
    holding = [interval.low <= final.mean() <= interval.high for interval in found]
    widths = [interval.high - interval.low for interval in found]
    return Intervals(float(np.mean(widths)), float(np.mean(holding)), len(found))
