"""A run beside the paper's published numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from ._curve_statistics import steps_to_threshold, steps_to_threshold_interval
from ._labels import point_label
from ._paper_numbers import PaperNumber, paper_numbers
from ._results import CellResult, last_values
from ._statistics import Interval, bootstrap_interval
from ._text_table import ABSENT, TextTable, step_count


@dataclass(frozen=True)
class PaperComparison:
    """A published number beside a cell's own, in the number's unit.

    Args:
        number: the published number.
        cell: the cell that was run under its conditions.
        ours: the cell's value over as many steps as the paper's run; NaN if it was not recorded.
        interval: its 95% bootstrap interval over seeds.
        verdict: "agrees" or "differs", or why neither can be said: "run too short" (fewer steps than the
            paper's), "one seed", "a seed is lost" (it has no value), "no METRIC".
    """

    number: PaperNumber
    cell: CellResult
    ours: float
    interval: Interval
    verdict: str


def compare(
    results: Sequence[CellResult], numbers: Sequence[PaperNumber] | None = None
) -> list[PaperComparison]:
    """Put cells beside the published numbers of the same conditions.

    A number agrees when it lies in our 95% bootstrap interval, widened by half a unit of its last printed
    digit; a bound such as "above 95%" agrees when part of the interval is there. Cells with more steps than
    the paper's run are cut to its length. A final error is that of the last step, as in the paper.

    Args:
        results: cells; their configs decide which numbers they belong to, not their names.
        numbers: published numbers; default all.

    Returns:
        one row per number and matching cell, in the paper's order.
    """
    numbers = paper_numbers() if numbers is None else numbers
    return [_compare(cell, number) for number in numbers for cell in results if number.matches(cell.spec)]


def paper_table(rows: Sequence[PaperComparison], *, title: str = "Beside arXiv 2604.06159") -> TextTable:
    """The rows of `compare` as a table; call its `rich()` or `markdown()`."""
    columns = ("source", "quantity", "method", "conditions", "paper", "ours", "95% interval", "verdict")
    notes = (
        "Agrees: the paper's number, rounded as printed, lies in our interval. Ours: mean over seeds, or the "
        "step at which that mean crosses the level.",
        "The interval holds our seed noise only. The paper's has its own: its Table 3 gives 6.9% and 1.8% "
        "for one and the same setting of TPO.",
    )
    return TextTable(
        title, (*columns, "seeds (paper)", "steps (paper)"), tuple(map(_row, rows)), numbers=4, notes=notes
    )


def _compare(cell: CellResult, number: PaperNumber) -> PaperComparison:
    ours, interval = math.nan, Interval(math.nan, math.nan)
    values = cell.metrics.get(number.metric)
    if values is None or np.isnan(values[:, : number.steps]).all():
        return PaperComparison(number, cell, ours, interval, f"no {number.metric}")
    at_step = number.quantity in ("error_percent_at_step", "probe_after_block")
    needed = number.at + number.evaluate_every if at_step else number.steps
    if cell.steps >= needed or not at_step:
        ours, interval = _measure(values[:, : number.steps], number)
    verdict = _verdict(number, interval, len(cell.seeds)) if cell.steps >= needed else "run too short"
    return PaperComparison(number, cell, ours, interval, verdict)


def _verdict(number: PaperNumber, interval: Interval, seeds: int) -> str:
    if math.isnan(interval.low):
        return "one seed" if seeds == 1 else "a seed is lost"
    if number.above is not None:
        fits = interval.high > number.above
    elif number.below is not None:
        fits = interval.low < number.below
    else:
        half = number.rounding / 2
        fits = interval.low - half <= number.value <= interval.high + half
    return "agrees" if fits else "differs"


def _measure(values: Float[np.ndarray, "s steps"], number: PaperNumber) -> tuple[float, Interval]:
    """A cell's own value of the number's quantity, and its interval over seeds."""
    match number.quantity:
        case "steps_to_1_percent":
            return steps_to_threshold(values, 0.01), steps_to_threshold_interval(values, 0.01)
        case "block_to_5_percent":
            low, high = steps_to_threshold_interval(values, 0.05)
            start = partial(_block_start, length=number.evaluate_every)
            return start(steps_to_threshold(values, 0.05)), Interval(start(low), start(high))
        case "final_error_percent":
            per_seed = 100 * last_values(values, 0.0)[:, 0]
        case "error_percent_at_step":
            per_seed = 100 * values[:, number.at]
        case "probe_after_block":
            per_seed = values[:, number.at + number.evaluate_every - 1]
        case _:
            raise ValueError(f"{number.quantity!r} of {number.source} is not measured in a run")
    return float(per_seed.mean(dtype=np.float64)), bootstrap_interval(per_seed)


def _block_start(step: float, *, length: int) -> float:
    # The paper labels an evaluation by the start of the block of steps that it ends.
    return step // length * length if math.isfinite(step) else step


def _row(row: PaperComparison) -> tuple[str, ...]:
    number = row.number
    return (
        number.source,
        _quantity(number),
        row.cell.method,
        point_label(number.label) or ABSENT,
        _published(number),
        _figure(number, row.ours),
        _interval(number, row.interval),
        row.verdict,
        f"{len(row.cell.seeds)} ({number.seeds})",
        f"{row.cell.steps:,} ({number.steps:,})",
    )


def _quantity(number: PaperNumber) -> str:
    words = {
        "steps_to_1_percent": "steps to 1%",
        "block_to_5_percent": f"steps to 5%, in blocks of {number.evaluate_every}",
        "final_error_percent": "final error %",
        "error_percent_at_step": f"error % at step {number.at}",
        "probe_after_block": f"{number.metric.replace('_', ' ')} at step {number.at}",
    }
    return words[number.quantity]


def _published(number: PaperNumber) -> str:
    if number.above is not None:
        return f"> {number.above:g}"
    if number.below is not None:
        return f"< {number.below:g}"
    return _figure(number, number.value)


def _figure(number: PaperNumber, value: float) -> str:
    """A value with as many decimals as the paper prints."""
    if number.quantity in ("steps_to_1_percent", "block_to_5_percent") or math.isnan(value):
        return step_count(value)
    # Adding 0 turns the -0.0 that small negative values are rounded to into 0.0.
    digits = max(0, round(-math.log10(number.rounding)))
    return f"{round(value, digits) + 0.0:.{digits}f}"


def _interval(number: PaperNumber, interval: Interval) -> str:
    if math.isnan(interval.low):
        return ABSENT
    if interval.low == math.inf:
        return step_count(math.inf)
    return f"[{_figure(number, interval.low)}, {_figure(number, interval.high)}]"
