"""Statistics of whole curves over seeds: bands, and steps to a threshold."""

import warnings

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from .seeds import CONFIDENCE, Interval, seed_weights

_BLOCK = 4_000_000  # values per block of weighted curves: 32 MB in float64


def mean_curve(curves: Float[np.ndarray, "s t"]) -> Float[np.ndarray, " t"]:
    """Mean over the seeds that have a value; NaN if none has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.asarray(np.nanmean(curves, axis=0, dtype=np.float64))


def interval_band(
    curves: Float[np.ndarray, "s t"],
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Student's 95% interval of the mean at each step, over the seeds that have a value there.

    Coverage is nominal if the values are normally distributed. Unlike `mean_interval`, it does not allow for
    rare outcomes that no seed shows.

    Args:
        curves: `[s, t]`. If all values are in `[0, 1]`, the band is clipped to it.

    Returns:
        The lower and the upper end, `[t]` each; NaN for fewer than two values, and if all are equal.

    >>> import numpy as np
    >>> low, high = interval_band(np.array([[0.4, 0.5], [0.5, 0.5]]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.0, nan], [1.0, nan])
    """
    count = (~np.isnan(curves)).sum(axis=0)
    factor = special.stdtrit(np.maximum(count - 1, 1), (1 + CONFIDENCE) / 2)
    low, high = _band(curves, factor)
    differ = np.fmax.reduce(curves, axis=0) > np.fmin.reduce(curves, axis=0)
    low, high = (np.where(differ, end, np.nan) for end in (low, high))
    if np.nanmin(curves, initial=0.0) >= 0 and np.nanmax(curves, initial=1.0) <= 1:
        return np.clip(low, 0, 1), np.clip(high, 0, 1)
    return low, high


def standard_error_band(
    curves: Float[np.ndarray, "s t"],
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Mean minus and plus one standard error over the seeds that have a value; NaN for fewer than two."""
    return _band(curves, np.ones(curves.shape[1]))


def _band(
    curves: Float[np.ndarray, "s t"], factor: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Mean minus and plus `factor` standard errors."""
    count = (~np.isnan(curves)).sum(axis=0)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.filterwarnings("ignore", "Degrees of freedom", RuntimeWarning)
        error = np.nanstd(curves, axis=0, ddof=1, dtype=np.float64) / np.sqrt(count)
    mean = mean_curve(curves)
    return mean - factor * error, mean + factor * error


def _first_below(means: Float[np.ndarray, "r t"], threshold: float) -> Float[np.ndarray, " r"]:
    below = means < threshold
    return np.where(below.any(axis=1), below.argmax(axis=1).astype(np.float64), np.inf)


def steps_to_threshold(error: Float[np.ndarray, "s steps"], threshold: float = 0.01) -> float:
    """Index from 0 of the first step at which the mean error over seeds is below the threshold.

    Source: arXiv 2604.06159, tables 1, 2 and 5 (threshold 1%).

    Returns:
        The index, or infinity if there is none. Steps at which a seed has no value are ignored.

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
        return Interval(float("nan"), float("nan"))
    curves = error[:, steps].astype(np.float64)
    weights = seed_weights(len(error), future, draws)
    rank = int((1 - CONFIDENCE) / 2 * draws)
    low = np.sort(_crossings(weights, np.nan_to_num(curves, nan=0.0), 0.0, threshold))[rank]
    high = np.sort(_crossings(weights, np.nan_to_num(curves, nan=1.0), 1.0, threshold))[-1 - rank]
    first, last = (float(steps[int(end)]) if np.isfinite(end) else np.inf for end in (low, high))
    return Interval(width * first, width * last + width - 1)


def _crossings(
    weights: Float[np.ndarray, "draws weights"],
    curves: Float[np.ndarray, "s t"],
    unseen: float,
    threshold: float,
) -> Float[np.ndarray, " draws"]:
    """The index at which each weighted mean is below the threshold; the extra seed's error is `unseen`."""
    whole = np.concatenate([curves, np.full((1, curves.shape[1]), unseen)])
    block = max(1, _BLOCK // curves.shape[1])
    return np.concatenate(
        [_first_below(weights[i : i + block] @ whole, threshold) for i in range(0, len(weights), block)]
    )


def recorded_steps(values: Float[np.ndarray, "s steps"]) -> Int[np.ndarray, " t"]:
    """The steps at which any seed has a value."""
    return np.flatnonzero(~np.isnan(values).all(axis=0))


def recorded_curves(
    values: Float[np.ndarray, "s steps"], *, smooth: int, max_points: int
) -> tuple[Int[np.ndarray, " t"], Float[np.ndarray, "s t"]]:
    """The steps at which a metric has values, and its curves there.

    Args:
        values: `[s, steps]`; NaN where there is no value.
        smooth: window of a trailing running mean over recorded values; 1 disables it. The window is shorter
            at the start.
        max_points: longer curves are thinned evenly; the last point is kept.

    Returns:
        Steps `[t]` and curves `[s, t]`; `t` is 0 if no seed has a value.
    """
    steps = recorded_steps(values)
    curves = values[:, steps].astype(np.float64)
    if smooth > 1 and len(steps):
        known = ~np.isnan(curves)
        with np.errstate(invalid="ignore"):
            curves = _running_sum(np.where(known, curves, 0.0), smooth) / _running_sum(known * 1.0, smooth)
    every = max(1, -(-len(steps) // max_points))
    kept = np.arange(len(steps) - 1, -1, -every)[::-1]
    return steps[kept], curves[:, kept]


def _running_sum(values: Float[np.ndarray, "s t"], window: int) -> Float[np.ndarray, "s t"]:
    # Differences of cumulative sums would leave rounding errors where values are 0.
    padded = np.pad(values, ((0, 0), (window - 1, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=1).sum(axis=-1)
