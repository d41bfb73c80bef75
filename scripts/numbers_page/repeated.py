"""Settings of which the paper prints more than one number."""

from collections.abc import Iterable

from tpo_runs._paper import PaperNumber, published_words, quantity_words
from tpo_runs._results import ABSENT
from tpo_runs._text import point_label

from .markdown import table


def repeated(numbers: Iterable[PaperNumber]) -> list[list[PaperNumber]]:
    """Published numbers of one setting, quantity and length that the paper prints more than once."""
    groups: dict[tuple[str, ...], list[PaperNumber]] = {}
    for number in numbers:
        if not number.unmatched:
            facts = (
                repr(sorted(number.where.items())),
                quantity_words(number),
                number.metric,
                str(number.steps),
            )
            groups.setdefault(facts, []).append(number)
    return [group for group in groups.values() if len({n.source for n in group}) > 1]


def repeated_table(numbers: Iterable[PaperNumber]) -> str:
    """These numbers beside each other."""
    rows = []
    for group in repeated(numbers):
        label = max((point_label(number.label) for number in group), key=len)
        printed = ", ".join(f"{published_words(n)} ({n.source}, {n.seeds} seeds)" for n in group)
        rows.append((group[0].method, label or ABSENT, quantity_words(group[0]), printed))
    return table(("method", "conditions", "quantity", "the paper prints"), rows, numbers=9)
