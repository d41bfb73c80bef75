"""Methods over the points of a grid, such as tasks: areas under curves, and what they say of the order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from .cell import CellResult, check_results, diverged_steps, group_by_point
from .seeds import CONFIDENCE, ERRORS, Interval, interquartile_means, mean_interval

DRAWS = 2000  # of the bootstrap
FLIPS = 99_999  # of the permutation test

Areas: TypeAlias = Mapping[str, Sequence[Float[np.ndarray, " _"]]]
"""For each method, the areas of its seeds at each point of the grid."""


@dataclass(frozen=True)
class Standing:
    """A method among others.

    Args:
        method: its name.
        area: interquartile mean of the areas of all points and seeds; of one point, the mean over its seeds.
        interval: 95% interval of `area`.
        rank: the best and the worst rank that the intervals allow: methods whose intervals overlap are not
            ranked.
    """

    method: str
    area: float
    interval: Interval
    rank: tuple[int, int]


@dataclass(frozen=True)
class Improvement:
    """A method against a reference, over all points of the grid.

    Args:
        method: its name.
        difference: mean difference of the areas on shared seeds, method minus reference.
        p_value: of the two-sided sign-flip permutation test, corrected for the number of methods by Holm.
        probability: the probability that a seed of the method has a smaller area than one of the reference,
            the mean over points; ties count half.
        interval: its 95% interval.
    """

    method: str
    difference: float
    p_value: float
    probability: float
    interval: Interval


def area(result: CellResult, *, metric: str = "error") -> Float[np.ndarray, " s"]:
    """The area under the curve of each seed: the mean of an error over all steps, in [0, 1].

    Steps after a seed has diverged count as an error of 1.

    >>> import numpy as np
    >>> error = np.array([[1.0, 0.5, np.nan]])
    >>> cell = CellResult("TPO", {}, {}, np.arange(1), {"error": error, "loss": error}, {})
    >>> area(cell).round(3).tolist()
    [0.833]
    """
    values = result.metric(metric)
    steps = result.bin_width * np.arange(values.shape[1])
    lost = steps >= diverged_steps(result)[:, None]
    # Other steps without a value are those at which a measure is not taken.
    filled = np.where(lost & np.isnan(values), 1.0, values)
    return np.asarray(np.nanmean(filled, axis=1, dtype=np.float64))


def areas(results: Sequence[CellResult], *, metric: str = "error") -> Areas:
    """The areas of the methods that were trained at all points of the grid, in the order of the points.

    Raises:
        ValueError: there are no results, or no method was trained at all points.
    """
    check_results(results)
    groups = group_by_point(results)
    found: dict[str, list[Float[np.ndarray, " _"]]] = {}
    for _, cells in groups:
        for cell in cells:
            found.setdefault(cell.method, []).append(area(cell, metric=metric))
    whole = {method: each for method, each in found.items() if len(each) == len(groups)}
    if not whole:
        raise ValueError("no method was trained at all points of the grid")
    return whole


def standings(areas: Areas) -> list[Standing]:
    """The methods over all points, the smallest area first.

    The interval is the stratified bootstrap: it resamples the seeds of each point.

    Source: R. Agarwal et al., *Deep RL at the Edge of the Statistical Precipice*, 2021.

    Args:
        areas: the result of `areas`.
    """
    values = {method: float(interquartile_means(np.concatenate(each))) for method, each in areas.items()}
    intervals = {
        method: _interval(interquartile_means(np.hstack(_resampled(each)))) for method, each in areas.items()
    }
    return _ranked(values, intervals)


def standings_at_point(cells: Sequence[CellResult], *, metric: str = "error") -> list[Standing]:
    """The methods at one point of the grid, the smallest area first.

    The interval is Student's, cut off at 0 and 1.
    """
    of_seeds = {cell.method: area(cell, metric=metric) for cell in cells}
    intervals = {
        method: Interval(*np.clip(mean_interval(each, None), *ERRORS)) for method, each in of_seeds.items()
    }
    return _ranked({method: float(each.mean()) for method, each in of_seeds.items()}, intervals)


def improvements(areas: Areas, reference: str) -> list[Improvement]:
    """Each method against a reference, in the order of `areas`.

    Args:
        areas: the result of `areas`; seeds are paired by their order.
        reference: the name of one of the methods.

    Raises:
        ValueError: two methods have different numbers of seeds at a point.
    """
    others = [method for method in areas if method != reference]
    tests = [_sign_flips(areas[method], areas[reference]) for method in others]
    corrected = _holm([p_value for _, p_value in tests])
    found = []
    for method, (difference, _), p_value in zip(others, tests, corrected, strict=True):
        probability = np.mean([_smaller(a, b) for a, b in zip(areas[method], areas[reference], strict=True)])
        draws = np.mean(
            [
                _smaller(a, b)
                for a, b in zip(_resampled(areas[method]), _resampled(areas[reference], 1), strict=True)
            ],
            axis=0,
        )
        found.append(Improvement(method, difference, p_value, float(probability), _interval(draws)))
    return found


def profile(
    areas: Sequence[Float[np.ndarray, " _"]], thresholds: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, "2 t"]]:
    """The performance profile: the share of runs with an area of at most each threshold, over all points.

    Each point counts the same.

    Args:
        areas: those of one method.
        thresholds: `[t]`.

    Returns:
        The shares, and the lower and upper ends of their 95% intervals from the stratified bootstrap.
    """
    shares = np.mean([(each[:, None] <= thresholds).mean(axis=0) for each in areas], axis=0)
    draws = np.mean([(each[..., None] <= thresholds).mean(axis=1) for each in _resampled(areas)], axis=0)
    tail = (1 - CONFIDENCE) / 2
    return shares, np.quantile(draws, [tail, 1 - tail], axis=0)


def _ranked(values: Mapping[str, float], intervals: Mapping[str, Interval]) -> list[Standing]:
    ordered = sorted(values, key=values.__getitem__)
    ends = np.array([intervals[method] for method in ordered])
    # A single seed has no interval, and equal seeds have none of Student's: they are not ranked.
    ends = np.where(np.isnan(ends), (-np.inf, np.inf), ends)
    return [
        Standing(
            method,
            values[method],
            intervals[method],
            (1 + int((ends[:, 1] < low).sum()), len(ordered) - int((ends[:, 0] > high).sum())),
        )
        for method, (low, high) in zip(ordered, ends, strict=True)
    ]


def _resampled(
    areas: Sequence[Float[np.ndarray, " _"]], stream: int = 0
) -> list[Float[np.ndarray, "draws _"]]:
    random = np.random.default_rng(stream)
    return [each[random.integers(len(each), size=(DRAWS, len(each)))] for each in areas]


def _interval(draws: Float[np.ndarray, " draws"]) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _smaller(first: Float[np.ndarray, "*d s"], second: Float[np.ndarray, "*d t"]) -> Float[np.ndarray, "*d"]:
    """The share of pairs of which the first value is smaller; ties count half."""
    a, b = first[..., :, None], second[..., None, :]
    return np.asarray(((a < b) + 0.5 * (a == b)).mean(axis=(-2, -1)))


def _sign_flips(
    first: Sequence[Float[np.ndarray, " _"]], second: Sequence[Float[np.ndarray, " _"]]
) -> tuple[float, float]:
    """The mean difference, of the means over points, and its p-value if the sign of each pair was chance."""
    if [len(a) for a in first] != [len(b) for b in second]:
        raise ValueError("paired differences need the same seeds of both methods at each point")
    # Each pair's share of the mean over points.
    parts = np.concatenate([(a - b) / len(a) / len(first) for a, b in zip(first, second, strict=True)])
    observed = parts.sum()
    random = np.random.default_rng(0)
    as_extreme = 1  # the signs as they are
    for _ in range(9):
        signs = random.integers(0, 2, size=(FLIPS // 9, len(parts)), dtype=np.int8) * 2 - 1
        as_extreme += int((np.abs(signs @ parts) >= abs(observed) * (1 - 1e-12)).sum())
    return float(observed), as_extreme / (FLIPS // 9 * 9 + 1)


def _holm(p_values: Sequence[float]) -> list[float]:
    """P-values that are corrected for their number, by Holm's step-down method."""
    count, highest = len(p_values), 0.0
    corrected = [0.0] * count
    for rank, i in enumerate(sorted(range(count), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (count - rank) * p_values[i]))
        corrected[i] = highest
    return corrected
