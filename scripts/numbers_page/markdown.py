"""A table in Markdown."""

import itertools
from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int) -> str:
    """Rows below headings; columns from index `numbers` on are right aligned.

    >>> print(table(("method", "steps"), [("TPO", "58")], numbers=1))
    | method | steps |
    | :-- | --: |
    | TPO | 58 |
    """
    rules = [":--" if i < numbers else "--:" for i in range(len(columns))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in itertools.chain([columns, rules], rows))
