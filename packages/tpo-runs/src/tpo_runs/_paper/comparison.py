"""Compare a run with the paper's published numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from .._results import (
    NO_INTERVAL,
    CellResult,
    Interval,
    diverged_steps,
    last_values,
    mean_interval,
    rank_test,
    steps_to_threshold,
    steps_to_threshold_interval,
)
from .numbers import PaperNumber, paper_numbers

FEWEST_SEEDS = 10  # that are judged by an interval: fewer often hold no seed of those that fail
FEWEST_BESIDE_SEEDS = 4  # that are judged beside the author's: with 20 of those, p may be as low as 0.0002
LEVEL = 0.05  # the p-value from which on seeds agree
CROSSINGS = ("steps_to_1_percent", "block_to_5_percent")  # quantities of the mean curve
AT_STEP = ("error_percent_at_step", "probe_after_block")  # quantities that need no more steps than that


@dataclass(frozen=True)
class PaperComparison:
    """A published number beside a cell's own, in the number's unit.

    Args:
        number: the published number.
        cell: the cell that was run under its conditions.
        ours: the cell's value over as many steps as the paper's run; NaN if it was not recorded.
        interval: 95% interval of the mean over as many seeds as the paper's, if those are like ours.
        verdict: "agrees" or "differs", or why neither can be said: "run too short" (fewer steps than the
            paper's), "too few seeds" (of ours; see `compare`), "a seed is lost" (it diverged), "no METRIC".
        p_value: of our seeds beside the author's, if these decide the verdict; else NaN.
        of_seeds: `[s]`, the value of each seed, whose mean is `ours`; None for a step at which the mean over
            seeds crosses a level.
        precision: of `ours`, in steps: above 1 for such a step that was found on binned curves.
    """

    number: PaperNumber
    cell: CellResult
    ours: float = math.nan
    interval: Interval = NO_INTERVAL
    verdict: str = ""
    p_value: float = math.nan
    of_seeds: Float[np.ndarray, " s"] | None = None
    precision: int = 1


def compare(
    results: Sequence[CellResult], numbers: Sequence[PaperNumber] | None = None
) -> list[PaperComparison]:
    """Compare cells with the published numbers of the same conditions.

    A number agrees if it lies in the 95% interval of the mean over as many seeds as the paper's, widened by
    half a unit of the last printed digit. The interval counts the noise of both means. A bound such as "above
    95%" agrees if part of the interval satisfies it. Fewer than ten seeds are not judged.

    Where the author published the values of the seeds (`of_seeds`), these are compared with ours instead, by
    the exact Mann-Whitney test: the number agrees if p is at least 0.05. It is judged from four seeds on: the
    test accounts for how many there are, and p may then be below 0.001. Few seeds have little power.

    A cell with more steps than the paper's run is cut to its length. The final error is that of the last
    step, as in the paper. The settings of a cell decide which numbers it belongs to, not its name.

    There is a row for each number, by default of all, and matching cell, in the paper's order.
    """
    numbers = paper_numbers() if numbers is None else numbers
    return [_compare(cell, number) for number in numbers for cell in results if number.matches(cell.spec)]


def _compare(cell: CellResult, number: PaperNumber) -> PaperComparison:
    lost = diverged_steps(cell) < (number.at + 1 if number.quantity in AT_STEP else number.steps)
    of_seeds, precision = _values_of_seeds(cell, number, lost), 1
    if of_seeds is not None:
        lost = np.isnan(of_seeds)
        ours, interval = _mean_and_interval(of_seeds, number)
    elif cell.exact is not None and number.name in cell.exact.paper_crossings:
        ours, interval = cell.exact.paper_crossings[number.name]
    elif number.quantity in CROSSINGS and _is_recorded(cell, number, lost):
        ours, interval = _crossing(cell, number)
        precision = cell.bin_width
    elif cell.steps < _needed_steps(number):
        return PaperComparison(number, cell, verdict="run too short")
    else:
        return PaperComparison(number, cell, verdict=f"no {number.metric}")
    verdict, p_value = _verdict(number, Interval(*interval), cell, of_seeds, any_lost=bool(lost.any()))
    return PaperComparison(number, cell, ours, Interval(*interval), verdict, p_value, of_seeds, precision)


def _is_recorded(cell: CellResult, number: PaperNumber, lost: Bool[np.ndarray, " s"]) -> bool:
    values = cell.metrics.get(number.metric)
    return values is not None and (bool(lost.all()) or not np.isnan(values[:, : number.steps]).all())


def _needed_steps(number: PaperNumber) -> int:
    return number.at + number.evaluate_every if number.quantity in AT_STEP else number.steps


def _verdict(
    number: PaperNumber,
    interval: Interval,
    cell: CellResult,
    of_seeds: Float[np.ndarray, " s"] | None,
    *,
    any_lost: bool,
) -> tuple[str, float]:
    """Whether a number agrees with ours, or why that cannot be said; and p where seeds decide it."""
    ours, p_value = of_seeds if number.of_seeds else None, math.nan
    if cell.steps < _needed_steps(number):
        return "run too short", p_value
    if any_lost:
        return "a seed is lost", p_value
    fewest = FEWEST_SEEDS if ours is None else FEWEST_BESIDE_SEEDS
    if len(cell.seeds) < fewest or (math.isnan(interval.low) and ours is None):
        return "too few seeds", p_value
    if ours is not None:
        # Shares of answers that are equal may differ in the last digits of their float32 means.
        p_value = rank_test(np.round(ours, 4), np.round(number.of_seeds, 4))
        fits = p_value >= LEVEL
    else:
        fits = _lies_in(interval, number)
    return "agrees" if fits else "differs", p_value


def _lies_in(interval: Interval, number: PaperNumber) -> bool:
    low, high = interval
    if number.above is not None:
        return high > number.above
    if number.below is not None:
        return low < number.below
    half = number.rounding / 2
    return low - half <= number.value <= high + half


def _values_of_seeds(
    cell: CellResult, number: PaperNumber, lost: Bool[np.ndarray, " s"]
) -> Float[np.ndarray, " s"] | None:
    """The number's quantity for each seed, `[s]` in its unit; NaN for a lost seed.

    None if the quantity belongs to the mean curve or was not recorded.
    """
    if cell.exact is not None:
        return cell.exact.paper.get(number.name)
    too_short = number.quantity in AT_STEP and cell.steps < _needed_steps(number)
    if number.quantity in CROSSINGS or too_short or not _is_recorded(cell, number, lost):
        return None
    values = cell.metrics[number.metric][:, : number.steps]
    match number.quantity:
        case "final_error_percent":
            found = 100 * last_values(values, 0.0)[:, 0]
        case "error_percent_at_step":
            found = 100 * values[:, number.at]
        case "probe_after_block":
            found = values[:, number.at + number.evaluate_every - 1]
        case _:
            raise ValueError(f"{number.quantity!r} of {number.source} is not measured in a run")
    return np.where(lost, np.nan, found)


def _mean_and_interval(of_seeds: Float[np.ndarray, " s"], number: PaperNumber) -> tuple[float, Interval]:
    """The mean over seeds, and the interval of the mean over as many seeds as the paper's."""
    values = of_seeds.astype(np.float64)
    bounds = (0.0, 100.0) if "error_percent" in number.quantity else None
    return float(values.mean()), mean_interval(values, bounds, future=number.seeds)


def _crossing(cell: CellResult, number: PaperNumber) -> tuple[float, Interval]:
    """The step at which the mean over seeds crosses the number's level, and its interval, in whole bins."""
    level, width = 0.01 if number.quantity == "steps_to_1_percent" else 0.05, cell.bin_width
    steps = cell.steps if cell.steps <= number.steps else number.steps // width * width
    curves = cell.metrics[number.metric][:, :steps:width]
    low, high = steps_to_threshold_interval(curves, level, width=width, future=number.seeds)
    step = width * steps_to_threshold(curves, level)
    return _label(number, step), Interval(_label(number, low), _label(number, high))


def _label(number: PaperNumber, step: float) -> float:
    # The paper labels an evaluation by the start of the block of steps that it ends.
    block = number.evaluate_every
    return step // block * block if math.isfinite(step) else step
