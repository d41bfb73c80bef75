"""The order of methods by the areas under their curves, over the points of a grid such as tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

from .cell import CellResult, area
from .grid import check_results, group_by_point
from .seeds import ERRORS, TAIL, Interval, interquartile_means, mean_interval

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
    """Each other method against the reference, in the order of `areas`; seeds are paired by their order.

    Raises:
        ValueError: two methods have different numbers of seeds at a point.
    """
    others = [method for method in areas if method != reference]
    tests = [_sign_flips(areas[method], areas[reference]) for method in others]
    corrected = _holm(np.array([p_value for _, p_value in tests]))
    drawn = _resampled(areas[reference], 1)
    found = []
    for method, (difference, _), p_value in zip(others, tests, corrected.tolist(), strict=True):
        probability = float(_smaller(areas[method], areas[reference]))
        interval = _interval(_smaller(_resampled(areas[method]), drawn))
        found.append(Improvement(method, difference, p_value, probability, interval))
    return found


def profile(
    areas: Sequence[Float[np.ndarray, " _"]], thresholds: Float[np.ndarray, " t"]
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, "2 t"]]:
    """The performance profile of a method: the share of runs with an area of at most each threshold.

    Each point counts the same. With the shares come the ends of their 95% intervals from the stratified
    bootstrap.
    """
    shares = np.mean([(each[:, None] <= thresholds).mean(axis=0) for each in areas], axis=0)
    draws = np.mean([(each[..., None] <= thresholds).mean(axis=1) for each in _resampled(areas)], axis=0)
    return shares, np.quantile(draws, [TAIL, 1 - TAIL], axis=0)


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
    low, high = np.quantile(draws, [TAIL, 1 - TAIL])
    return Interval(float(low), float(high))


def _smaller(
    first: Sequence[Float[np.ndarray, "*d _"]], second: Sequence[Float[np.ndarray, "*d _"]]
) -> Float[np.ndarray, "*d"]:
    """The share of pairs of which the first value is smaller, the mean over points; ties count half."""
    pairs = [(a[..., :, None], b[..., None, :]) for a, b in zip(first, second, strict=True)]
    return np.asarray(np.mean([((a < b) + 0.5 * (a == b)).mean(axis=(-2, -1)) for a, b in pairs], axis=0))


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


def _holm(p_values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """P-values that are corrected for their number, by Holm's step-down method."""
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    return np.minimum(stepped, 1.0)[np.argsort(order)]
