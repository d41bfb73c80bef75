"""The step at which the mean over seeds crosses a threshold."""

import math

import numpy as np
from jaxtyping import Float

from .curves import recorded_steps
from .seeds import CONFIDENCE, NO_INTERVAL, Interval, seed_weights

_BLOCK = 4_000_000  # values per block of weighted curves: 32 MB in float64


def steps_to_threshold(error: Float[np.ndarray, "s steps"], threshold: float = 0.01) -> float:
    """Index from 0 of the first step at which the mean error over seeds is below the threshold.

    It is infinite if there is none. Steps at which a seed has no value are ignored.

    Source: arXiv 2604.06159, tables 1, 2 and 5 (threshold 1%).

    >>> import numpy as np
    >>> steps_to_threshold(np.array([[0.9, 0.0, 0.0], [0.9, 0.9, 0.0]]))
    2.0
    """
    return float(_first_below(error.mean(axis=0, dtype=np.float64)[None], threshold)[0])


def steps_to_threshold_interval(
    error: Float[np.ndarray, "s steps"],
    threshold: float = 0.01,
    *,
    width: int = 1,
    future: int | None = None,
    draws: int = 2000,
) -> Interval:
    """95% interval of the first step at which the mean error of all possible seeds is below the threshold.

    As in `mean_interval`, one hypothetical seed is added: at the upper end it never gets below the threshold,
    at the lower end it is below from the start. The upper end is therefore infinite for fewer than `log 0.025
    / log(1 - threshold)` seeds (367 for 1%): a rare outcome that none of them shows could keep the mean
    above.

    Args:
        error: `[s, steps]` in `[0, 1]`, or `[s, bins]`. A value that is missing in some seeds counts like
            that of the hypothetical seed.
        threshold: in `[0, 1]`.
        width: steps per bin.
        future: for the mean over this many future seeds; None for that of the population.
        draws: number of random weightings of the seeds.

    Returns:
        The interval, from the first step of its first bin to the last step of its last. An end is infinite if
        the mean may never get below. NaN for one seed, and if no seed has a value.

    >>> import numpy as np
    >>> error = np.ones((400, 5))
    >>> error[:, 2:] = 0.0
    >>> steps_to_threshold_interval(error), steps_to_threshold_interval(error[:20], width=5)
    (Interval(low=2.0, high=2.0), Interval(low=10.0, high=inf))
    """
    steps = recorded_steps(error)
    if len(error) < 2 or len(steps) == 0:
        return NO_INTERVAL
    curves = error[:, steps].astype(np.float64)
    weights = seed_weights(len(error), future, draws)
    rank = int((1 - CONFIDENCE) / 2 * draws)
    low = _crossings(weights, curves, 0.0, threshold)[rank]
    high = _crossings(weights, curves, 1.0, threshold)[-1 - rank]
    first, last = (float(steps[int(end)]) if math.isfinite(end) else math.inf for end in (low, high))
    return Interval(width * first, width * last + width - 1)


def _crossings(
    weights: Float[np.ndarray, "draws weights"],
    curves: Float[np.ndarray, "s t"],
    unseen: float,
    threshold: float,
) -> Float[np.ndarray, " draws"]:
    """The index at which each weighted mean is below the threshold, in ascending order.

    The error of the extra seed, and each missing one, is `unseen`.
    """
    known = np.nan_to_num(curves, nan=unseen)
    whole = np.concatenate([known, np.full((1, curves.shape[1]), unseen)])
    block = max(1, _BLOCK // curves.shape[1])
    found = [_first_below(weights[i : i + block] @ whole, threshold) for i in range(0, len(weights), block)]
    return np.sort(np.concatenate(found))


def _first_below(means: Float[np.ndarray, "r t"], threshold: float) -> Float[np.ndarray, " r"]:
    below = means < threshold
    return np.where(below.any(axis=1), below.argmax(axis=1).astype(np.float64), np.inf)
