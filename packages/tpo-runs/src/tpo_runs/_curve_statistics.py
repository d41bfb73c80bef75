"""Statistics of whole curves over seeds: bands, and steps to a threshold."""

import warnings

import numpy as np
from jaxtyping import Float, Int

from ._statistics import CONFIDENCE, Interval

_BLOCK = 4_000_000  # values of one block of resampled curves: 32 MB in float64


def _resampling_weights(count: int, resamples: int, seed: int) -> Float[np.ndarray, "r s"]:
    # Drawing s seeds with replacement and averaging is a product with multinomial counts over s.
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return draws / count


def mean_curve(curves: Float[np.ndarray, "s t"]) -> Float[np.ndarray, " t"]:
    """Mean over the seeds that have a value; NaN where none has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        return np.asarray(np.nanmean(curves, axis=0, dtype=np.float64))


def bootstrap_band(
    curves: Float[np.ndarray, "s t"],
    *,
    confidence: float = CONFIDENCE,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Pointwise percentile bootstrap interval of the mean curve over seeds.

    Args:
        curves: `[s, t]`; a NaN is left out of the mean of its resample.
        confidence: in (0, 1).
        resamples: bootstrap resamples; whole seeds are drawn, so a curve stays in one piece.
        seed: of the resampling.

    Returns:
        lower and upper ends, `[t]` each; NaN for one seed.

    >>> import numpy as np
    >>> low, high = bootstrap_band(np.array([[0.0, 0.5], [1.0, 0.5]]))
    >>> low.tolist(), high.tolist()
    ([0.0, 0.5], [1.0, 0.5])
    """
    count, length = curves.shape
    if count < 2:
        return np.full(length, np.nan), np.full(length, np.nan)
    weights = _resampling_weights(count, resamples, seed)
    known = ~np.isnan(curves)
    with np.errstate(invalid="ignore"):
        means = (weights @ np.where(known, curves, 0.0)) / (weights @ known)
    tail = (1 - confidence) / 2
    quantile = np.quantile if known.all() else np.nanquantile
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        low, high = quantile(means, [tail, 1 - tail], axis=0)
    return low, high


def standard_error_band(
    curves: Float[np.ndarray, "s t"],
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """Mean minus and plus one standard error over the seeds that have a value; NaN for fewer than two."""
    count = (~np.isnan(curves)).sum(axis=0)
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.filterwarnings("ignore", "Degrees of freedom", RuntimeWarning)
        error = np.nanstd(curves, axis=0, ddof=1, dtype=np.float64) / np.sqrt(count)
    mean = mean_curve(curves)
    return mean - error, mean + error


def _first_below(means: Float[np.ndarray, "r t"], threshold: float) -> Float[np.ndarray, " r"]:
    below = means < threshold
    return np.where(below.any(axis=1), below.argmax(axis=1).astype(np.float64), np.inf)


def _resampled_means(
    weights: Float[np.ndarray, "r s"], curves: Float[np.ndarray, "s t"]
) -> Float[np.ndarray, "r t"]:
    """The mean curve of each resample; NaN where a seed that was drawn has no value."""
    known = ~np.isnan(curves)
    means = weights @ np.where(known, curves, 0.0)
    # A product alone would spread the NaN to resamples without that seed: 0 * NaN is NaN.
    return means if known.all() else np.where(weights @ ~known > 0, np.nan, means)


def steps_to_threshold(error: Float[np.ndarray, "s steps"], threshold: float = 0.01) -> float:
    """Index from 0 of the first step whose error, averaged over seeds, is below the threshold.

    Source: arXiv 2604.06159, tables 1, 2 and 5 (threshold 1%).

    Returns:
        the index, or infinity when that never happens. A step at which a seed has no value does not count.

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
    confidence: float = CONFIDENCE,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of `steps_to_threshold` over seeds.

    Args:
        error: `[s, steps]` in `[0, 1]`, or of bins of steps.
        threshold: in `[0, 1]`.
        width: of a bin, in steps.
        confidence: in (0, 1).
        resamples: bootstrap resamples.
        seed: of the resampling.

    Returns:
        The interval, from the first step of its first bin to the last one of its last; an end is infinite
        where that share of the resamples never gets below. NaN for one seed.

    >>> import numpy as np
    >>> steps_to_threshold_interval(np.array([[0.9, 0.0, 0.0], [0.9, 0.9, 0.0]]))
    Interval(low=1.0, high=2.0)
    >>> steps_to_threshold_interval(np.array([[0.9, 0.0, 0.0], [0.9, 0.9, 0.0]]), width=5)
    Interval(low=5.0, high=14.0)
    """
    count, length = error.shape
    if count < 2:
        return Interval(float("nan"), float("nan"))
    weights = _resampling_weights(count, resamples, seed)
    block = max(1, _BLOCK // length)
    curves = error.astype(np.float64)
    steps = np.concatenate(
        [
            _first_below(_resampled_means(weights[i : i + block], curves), threshold)
            for i in range(0, resamples, block)
        ]
    )
    tail = (1 - confidence) / 2
    # Observed steps, not interpolated ones: infinity minus infinity has no middle.
    low = np.quantile(steps, tail, method="lower")
    high = np.quantile(steps, 1 - tail, method="higher")
    return Interval(float(width * low), float(width * high + width - 1))


def recorded_steps(values: Float[np.ndarray, "s steps"]) -> Int[np.ndarray, " t"]:
    """The steps at which any seed has a value."""
    return np.flatnonzero(~np.isnan(values).all(axis=0))


def recorded_curves(
    values: Float[np.ndarray, "s steps"], *, smooth: int, max_points: int
) -> tuple[Int[np.ndarray, " t"], Float[np.ndarray, "s t"]]:
    """The steps at which a metric has values, and its curves there.

    Args:
        values: `[s, steps]`; NaN where there is no value.
        smooth: window of a running mean over recorded values, which ends at the step that it is given for and
            is shorter at the start; 1 is none.
        max_points: more are thinned evenly; the last one is kept.

    Returns:
        steps `[t]` and curves `[s, t]`; `t` is 0 where no seed has a value.
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
    # A sliding window, not a difference of cumulative sums: those leave rounding errors where values are 0.
    padded = np.pad(values, ((0, 0), (window - 1, 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, window, axis=1).sum(axis=-1)
