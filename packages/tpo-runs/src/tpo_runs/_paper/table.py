"""The table that compares a run with the paper's published numbers."""

import math
from collections.abc import Sequence

from .._results import ABSENT, TextTable, step_count
from .._text import point_label, spaced
from .comparison import CROSSINGS, PaperComparison
from .numbers import PaperNumber

BESIDE_SEEDS = (
    "With p: the author published the value of each seed. Agrees: a Mann-Whitney test of these and ours has "
    "p of at least 0.05, from four seeds on; few seeds find only large differences."
)


def paper_table(rows: Sequence[PaperComparison]) -> TextTable:
    """A table of the rows of `compare`; call its `rich()` or `markdown()`."""
    columns = ("source", "quantity", "method", "conditions", "paper", "ours", "95% interval", "verdict")
    notes = (
        "Ours: mean over seeds, or the step at which that mean crosses the level. Interval: where the mean "
        "of as many seeds as the paper's is expected with 95%, if they are like ours.",
        "Agrees: the paper's number, rounded as printed, lies there. Fewer than ten seeds are not judged.",
    )
    if any(not math.isnan(row.p_value) for row in rows):
        notes = (*notes, BESIDE_SEEDS)
    columns = (*columns, "seeds (paper)", "steps (paper)")
    return TextTable("Beside arXiv 2604.06159", columns, tuple(map(_row, rows)), numbers=4, notes=notes)


def _row(row: PaperComparison) -> tuple[str, ...]:
    number = row.number
    return (
        number.source,
        quantity_words(number),
        row.cell.method,
        point_label(number.label) or ABSENT,
        published_words(number),
        value_words(number, row.ours),
        interval_words(row),
        row.verdict,
        f"{len(row.cell.seeds)} ({number.seeds})",
        f"{row.cell.steps:,} ({number.steps:,})",
    )


def quantity_words(number: PaperNumber) -> str:
    """The quantity in words."""
    words = {
        "steps_to_1_percent": "steps to 1%",
        "block_to_5_percent": f"steps to 5%, in blocks of {number.evaluate_every}",
        "final_error_percent": "final error %",
        "error_percent_at_step": f"error % at step {number.at}",
        "probe_after_block": f"{spaced(number.metric)} at step {number.at}",
    }
    return words[number.quantity]


def published_words(number: PaperNumber) -> str:
    """The published number or bound, as the paper prints it."""
    if number.bound:
        return f"{'>' if number.bound == 'above' else '<'} {number.printed:g}"
    return value_words(number, number.printed)


def value_words(number: PaperNumber, value: float) -> str:
    """A value with as many decimals as the paper prints."""
    if number.quantity in CROSSINGS or math.isnan(value):
        return step_count(value)
    # Adding 0 turns the -0.0 that small negative values are rounded to into 0.0.
    digits = max(0, round(-math.log10(number.rounding)))
    return f"{round(value, digits) + 0.0:.{digits}f}"


def interval_words(row: PaperComparison) -> str:
    """The interval with as many decimals as the paper prints, and the p-value where that decides."""
    number, (low, high) = row.number, row.interval
    if math.isnan(low):
        words = ABSENT
    elif low == math.inf:
        words = step_count(math.inf)
    else:
        words = f"[{value_words(number, low)}, {value_words(number, high)}]"
    if math.isnan(row.p_value):
        return words
    return f"{words}, p = {row.p_value:.2f}" if row.p_value >= 0.01 else f"{words}, p < 0.01"
