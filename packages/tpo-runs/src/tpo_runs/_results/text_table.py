"""A text table for terminals and Markdown files."""

import math
import re
from dataclasses import dataclass, replace

from rich.table import Table
from rich.text import Text

from .seeds import ROUNDING, Interval

ABSENT = "–"


@dataclass(frozen=True)
class TextTable:
    """Columns and rows of text.

    Args:
        title: the title above the table.
        columns: the headings. Columns from index `numbers` on are right-aligned.
        rows: one text per column.
        numbers: index of the first column of numbers.
        notes: lines below the table.

    >>> print(TextTable("Speed", ("method", "steps"), (("TPO", "58"),), numbers=1).markdown())
    **Speed**
    <BLANKLINE>
    | method | steps |
    | :--- | ---: |
    | TPO | 58 |
    <BLANKLINE>
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: int
    notes: tuple[str, ...] = ()

    def rich(self) -> Table:
        """The table for a terminal, with the notes as its caption."""
        table = Table(
            title=Text(self.title),
            caption=Text("\n".join(self.notes), justify="left"),
            caption_justify="left",
        )
        for i, column in enumerate(self.columns):
            numeric = i >= self.numbers
            table.add_column(Text(column), justify="right" if numeric else "left", no_wrap=not numeric)
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def without(self, *columns: str) -> "TextTable":
        """The table without some columns of numbers."""
        kept = [i for i, name in enumerate(self.columns) if i < self.numbers or name not in columns]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
        return replace(self, columns=tuple(self.columns[i] for i in kept), rows=rows)

    def markdown(self) -> str:
        """The table in GitHub's Markdown, with a newline at the end."""
        rules = ["---:" if i >= self.numbers else ":---" for i in range(len(self.columns))]
        heads = map(markdown_text, self.columns)
        # Only the cells before the numbers may be names, which need escaping.
        rows = [(*map(markdown_text, row[: self.numbers]), *row[self.numbers :]) for row in self.rows]
        lines = [f"| {' | '.join(cells)} |" for cells in (heads, rules, *rows)]
        notes = map(markdown_text, self.notes)
        return "\n\n".join([f"**{markdown_text(self.title)}**", "\n".join(lines), *notes]) + "\n"


def markdown_text(text: str) -> str:
    r"""Escape a text for GitHub's Markdown.

    >>> markdown_text("GRPO [no KL] | *a_b*")
    'GRPO \\[no KL\\] \\| \\*a\\_b\\*'
    """
    return re.sub(r"([\\`*_\[\]<>|~$&#])", r"\\\1", text)


def percent(share: float) -> str:
    """A share in percent, without the sign: one decimal from 1% up, two below, and 0 only for 0.

    Rounding errors of a float32 mean of ones, as in 1 - 0.9999999, count as 0.

    >>> [percent(x) for x in (0.123, 0.00456, 0.00001, 0.0, 1.0, float("nan"))]
    ['12.3', '0.46', '<0.01', '0', '100', '–']
    """
    value = 100 * share
    if math.isnan(value):
        return ABSENT
    if abs(share) < ROUNDING:
        return "0"
    if value == 100:
        return "100"
    if abs(value) < 0.005:
        return "<0.01" if value > 0 else ">-0.01"
    return f"{value:.2f}" if abs(value) < 0.995 else f"{value:.1f}"


def percent_interval(interval: Interval) -> str:
    """An interval of shares in percent: `[1.2, 15.0]`."""
    return ABSENT if math.isnan(interval.low) else f"[{percent(interval.low)}, {percent(interval.high)}]"


def step_count(steps: float) -> str:
    """A number of steps; infinity is "never".

    >>> step_count(58.0), step_count(float("inf"))
    ('58', 'never')
    """
    if math.isnan(steps):
        return ABSENT
    return "never" if math.isinf(steps) else f"{steps:,.0f}"


def step_interval(interval: Interval) -> str:
    """An interval of steps: `[55, never]`."""
    low, high = map(step_count, interval)
    return low if low in (ABSENT, "never") else f"[{low}, {high}]"


def p_text(p_value: float) -> str:
    """A p-value with two digits."""
    return ABSENT if math.isnan(p_value) else f"{p_value:.2g}"
