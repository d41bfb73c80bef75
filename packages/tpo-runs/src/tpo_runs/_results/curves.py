"""Curves over steps: their means and bands over seeds, and fewer points of them."""

import warnings

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from .seeds import CONFIDENCE, known_mean

MAX_BINS = 200


def mean_curve(curves: Float[np.ndarray, "s t"]) -> Float[np.ndarray, " t"]:
    """Mean over the seeds that have a value; NaN if none has."""
    return known_mean(curves, axis=0)


def interval_band(
    curves: Float[np.ndarray, "s t"],
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Student's 95% interval of the mean at each step, over the seeds that have a value there.

    Coverage is nominal if the values are normally distributed. Unlike `mean_interval`, it does not allow for
    rare outcomes that no seed shows. If all values are in `[0, 1]`, the band is clipped to it. It is NaN for
    fewer than two values, and if all are equal.

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


def bin_width(values: Float[np.ndarray, "s steps"]) -> int:
    """The smallest number of steps per bin with at most 200 bins and a value in each.

    >>> import numpy as np
    >>> bin_width(np.zeros((1, 1000))), bin_width(np.array([[np.nan, 0.5, np.nan, 0.1]]))
    (5, 2)
    """
    gaps = np.diff(recorded_steps(values), prepend=-1)
    return max(-(-values.shape[1] // MAX_BINS), int(gaps.max(initial=1)))


def binned_curves(values: Float[np.ndarray, "s steps"], width: int) -> Float[np.ndarray, "s bins"]:
    """The mean of each seed's values in each bin of `width` steps; the last bin may be shorter.

    Steps at which no seed has a value are ignored. A seed that lacks a value at another step of a bin is NaN.

    >>> import numpy as np
    >>> binned_curves(np.array([[1.0, 0.0, 0.5, 0.25, 0.1]]), 2).tolist()
    [[0.5, 0.375, 0.1]]
    """
    seeds, steps = values.shape
    recorded = recorded_steps(values)
    curves = np.full((seeds, -(-steps // width)), np.nan)
    for index in np.unique(recorded // width):
        columns = recorded[recorded // width == index]
        curves[:, index] = values[:, columns].mean(axis=1, dtype=np.float64)
    return curves
