"""A run beside the paper's published numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .._results import (
    CellResult,
    Interval,
    diverged_steps,
    last_values,
    mean_interval,
    steps_to_threshold,
    steps_to_threshold_interval,
)
from .numbers import PaperNumber, paper_numbers

FEWEST_SEEDS = 10  # that are judged: fewer often hold no seed of those that fail
CROSSINGS = ("steps_to_1_percent", "block_to_5_percent")  # quantities of the mean curve
AT_STEP = ("error_percent_at_step", "probe_after_block")  # quantities that need no more steps than that


@dataclass(frozen=True)
class PaperComparison:
    """A published number beside a cell's own, in the number's unit.

    Args:
        number: the published number.
        cell: the cell that was run under its conditions.
        ours: the cell's value over as many steps as the paper's run; NaN if it was not recorded.
        interval: where the mean over as many seeds as the paper's lies with 95%, if those are like ours.
        verdict: "agrees" or "differs", or why neither can be said: "run too short" (fewer steps than the
            paper's), "too few seeds" (of ours, below ten), "a seed is lost" (it diverged), "no METRIC".
        of_seeds: the cell's value of every seed, whose mean is `ours`; None where seeds have none.
    """

    number: PaperNumber
    cell: CellResult
    ours: float
    interval: Interval
    verdict: str
    of_seeds: Float[np.ndarray, " s"] | None = None


def compare(
    results: Sequence[CellResult], numbers: Sequence[PaperNumber] | None = None
) -> list[PaperComparison]:
    """Put cells beside the published numbers of the same conditions.

    A number agrees when it lies where the mean over as many seeds as the paper's is expected with 95%, if
    they are like ours: the noise of both means counts. That interval is widened by half a unit of the last
    printed digit; a bound such as "above 95%" agrees when part of the interval is there. Fewer than ten seeds
    are not judged. Cells with more steps than the paper's run are cut to its length. A final error is that of
    the last step, as in the paper.

    Args:
        results: cells; their configs decide which numbers they belong to, not their names.
        numbers: published numbers; default all.

    Returns:
        one row per number and matching cell, in the paper's order.
    """
    numbers = paper_numbers() if numbers is None else numbers
    return [_compare(cell, number) for number in numbers for cell in results if number.matches(cell.spec)]


def _compare(cell: CellResult, number: PaperNumber) -> PaperComparison:
    ours, interval, of_seeds = math.nan, Interval(math.nan, math.nan), None
    lost = diverged_steps(cell) < read_steps(number)
    values = cell.metrics.get(number.metric)
    if values is None or (np.isnan(values[:, : number.steps]).all() and not lost.all()):
        return PaperComparison(number, cell, ours, interval, f"no {number.metric}")
    if cell.steps >= _needed_steps(number) or number.quantity not in AT_STEP:
        of_seeds = values_of_seeds(values[:, : number.steps], number)
        if of_seeds is None:
            ours, interval = crossing(values[:, : number.steps], number)
        else:
            of_seeds = np.where(lost, np.nan, of_seeds)
            lost = np.isnan(of_seeds)
            ours, interval = mean_and_interval(of_seeds, number)
    verdict = judge(number, interval, len(cell.seeds), cell.steps, lost=bool(lost.any()))
    return PaperComparison(number, cell, ours, interval, verdict, of_seeds)


def _needed_steps(number: PaperNumber) -> int:
    return number.at + number.evaluate_every if number.quantity in AT_STEP else number.steps


def read_steps(number: PaperNumber) -> int:
    """The first steps, which hold all that a published number is compared with."""
    return number.at + 1 if number.quantity in AT_STEP else number.steps


def judge(number: PaperNumber, interval: Interval, seeds: int, steps: int, *, lost: bool = False) -> str:
    """Whether a published number agrees with our interval, or why that cannot be said.

    Args:
        number: the published number.
        interval: ours, in the number's unit; NaN ends where there is none.
        seeds: over how many seeds.
        steps: of our run.
        lost: whether one of the seeds diverged before the number is read.

    Returns:
        The `verdict` of `PaperComparison`.
    """
    if steps < _needed_steps(number):
        return "run too short"
    if lost:
        return "a seed is lost"
    if seeds < FEWEST_SEEDS or math.isnan(interval.low):
        return "too few seeds"
    if number.above is not None:
        fits = interval.high > number.above
    elif number.below is not None:
        fits = interval.low < number.below
    else:
        half = number.rounding / 2
        fits = interval.low - half <= number.value <= interval.high + half
    return "agrees" if fits else "differs"


def values_of_seeds(
    values: Float[np.ndarray, "s steps"], number: PaperNumber
) -> Float[np.ndarray, " s"] | None:
    """The number's quantity of every seed, `[s]` in its unit, whose mean is what is compared.

    Args:
        values: of the number's metric, `[s, steps]`.
        number: the published number.

    Returns:
        `[s]`; None for a quantity of the mean curve, which no seed has by itself.

    Raises:
        ValueError: the quantity is not measured in a run.
    """
    if number.quantity in CROSSINGS:
        return None
    match number.quantity:
        case "final_error_percent":
            return 100 * last_values(values, 0.0)[:, 0]
        case "error_percent_at_step":
            return 100 * values[:, number.at]
        case "probe_after_block":
            return values[:, number.at + number.evaluate_every - 1]
        case _:
            raise ValueError(f"{number.quantity!r} of {number.source} is not measured in a run")


def mean_and_interval(of_seeds: Float[np.ndarray, " s"], number: PaperNumber) -> tuple[float, Interval]:
    """The mean of the number's quantity over seeds, and where that of as many as the paper's is expected."""
    values = of_seeds.astype(np.float64)
    bounds = (0.0, 100.0) if "error_percent" in number.quantity else None
    return float(values.mean()), mean_interval(values, bounds, future=number.seeds)


def crossing(
    values: Float[np.ndarray, "s bins"], number: PaperNumber, *, width: int = 1
) -> tuple[float, Interval]:
    """The step at which the mean over seeds crosses the level of the number's quantity.

    Args:
        values: of the number's metric, `[s, bins]`, each the mean of a bin of steps.
        number: the published number, of such a quantity.
        width: of a bin, in steps.

    Returns:
        The first step of the bin, as the paper labels it, and where that of the mean over as many seeds as
        the paper's is expected, in whole bins.
    """
    level = 0.01 if number.quantity == "steps_to_1_percent" else 0.05
    low, high = steps_to_threshold_interval(values, level, width=width, future=number.seeds)
    step = width * steps_to_threshold(values, level)
    return _label(number, step), Interval(_label(number, low), _label(number, high))


def _label(number: PaperNumber, step: float) -> float:
    # The paper labels an evaluation by the start of the block of steps that it ends.
    block = number.evaluate_every
    return step // block * block if math.isfinite(step) else step
