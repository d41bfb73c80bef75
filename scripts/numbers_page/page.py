"""`docs/numbers.md`: every published number beside ours."""

import itertools
import textwrap
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tpo_runs._paper import PaperNumber, paper_numbers, published_words, quantity_words
from tpo_runs._results import ABSENT
from tpo_runs._run import duration
from tpo_runs._text import point_label

from .evidence import Evidence, best, evidence_for
from .markdown import table
from .notes import Note, check
from .power import RUNS, power_table
from .runs import Run

NOT_RUN, NOT_COMPARABLE = "not run", "no run can be compared"
HEAD = """\
# Every published number beside ours

The paper prints {count} numbers, and each of them is here: beside it our value, where a run of its
conditions was made.

| | numbers |
| :-- | --: |
{counts}

The interval is where the mean of as many seeds as the paper's lies with 95%, if those are like ours: it
counts the noise of both means, and seeds that fail and that a run may hold none of. A number **agrees** when
it lies there, rounded as it is printed; a bound when part of the interval is there. That is no proof that the
two are equal: with 20 seeds on each side, a final error may be 20 points higher and still agree, and a
crossing any number of steps later. The notes below the tables say what is known of numbers that are far from
ours all the same. [What each
interval is worth](seed_noise.md#how-much-an-interval-is-worth) is measured.

The author published the value of each seed behind some numbers: those of TPO, GRPO and DG at ten tokens.
There, seeds are compared with seeds. The interval is followed by the p-value of an exact Mann-Whitney test,
and the number **agrees** when p is at least 0.05. The test assumes nothing about how seeds are distributed
and accounts for how many there are, so four of ours are judged.
[Few seeds find only large differences](#what-few-seeds-beside-the-authors-can-find).

No other number is judged by fewer than ten seeds, which often hold none of the seeds that fail ("too few
seeds"), and none by a run of fewer steps than the paper's ("run too short"). Of several runs of a number the
table shows one that can be judged before one that cannot, then the one with most seeds, then with most steps.
Times are of training all seeds of the row; `summary.json` of the run names the machines, which others used
too.

This page is written by `python scripts/write_numbers.py` from `figures/*/summary.json`, the notes below its
tables are in `scripts/numbers_notes.toml`.
"""
POWER = """\
## What few seeds beside the author's can find

Suppose that a share of our seeds ends at 0 or 100%, and the others end like random ones of the author's. The
table shows how often, in percent, p would be below 0.05 ({runs} simulated runs each, so to within a few
points).

{table}

With four seeds, the test finds a difference reliably only if nearly all seeds of ours end that way. "Agrees"
then excludes that nearly all end at 0%, or nearly all at 100%, and little else.
"""
COLUMNS = (
    "quantity", "method", "conditions", "paper", "ours", "95% interval", "verdict",
    "seeds (paper)", "training", "run",
)  # fmt: skip
NUMBERS_FROM = 3


class Row(NamedTuple):
    """A published number, and the best that we have of it."""

    number: PaperNumber
    evidence: Evidence | None

    @property
    def verdict(self) -> str:
        """That of the run, or why there is none."""
        if self.evidence is not None:
            return self.evidence.verdict
        return NOT_COMPARABLE if self.number.unmatched else NOT_RUN


def all_rows(runs: Sequence[Run]) -> list[Row]:
    """A row for each published number, in the paper's order of tables."""
    return [Row(number, best(evidence_for(number, runs))) for number in paper_numbers()]


def numbers_page(rows: Sequence[Row], notes: Sequence[Note]) -> str:
    """The page in Markdown.

    Raises:
        ConfigError: a number that differs has no note, or a note is about no number of a run.
    """
    differing = [row.number for row in rows if row.verdict == "differs"]
    check(notes, differing, [row.number for row in rows if row.evidence is not None])
    parts = [HEAD.format(count=len(rows), counts=_counts(rows))]
    for source, group in itertools.groupby(rows, key=lambda row: row.number.source):
        parts += [f"## {source}\n", table(COLUMNS, map(_cells, group), numbers=NUMBERS_FROM) + "\n"]
        parts += [_note(note) for note in notes if note.source == source]
    return "\n".join([*parts, *_power(rows)])


def _power(rows: Sequence[Row]) -> list[str]:
    """What the tests of seeds can find: one row per method, bounds excepted, whose seeds are all alike."""
    by_method = {
        row.number.method: (row.number, row.evidence.seeds)
        for row in rows
        if row.evidence is not None and row.evidence.judged and row.number.of_seeds and not row.number.bound
    }
    return [POWER.format(runs=RUNS, table=power_table(by_method.values()))] if by_method else []


def _counts(rows: Sequence[Row]) -> str:
    verdicts = Counter(row.verdict for row in rows)
    alone = {
        "agree": verdicts.pop("agrees", 0),
        "differ": verdicts.pop("differs", 0),
        "too few seeds": verdicts.pop("too few seeds", 0),
        "not run": verdicts.pop(NOT_RUN, 0),
        "are of a setting that is not stated, or a closed form": verdicts.pop(NOT_COMPARABLE, 0),
    }
    others = ", ".join(f"{word}: {count}" for word, count in sorted(verdicts.items()))
    lines = {
        "all": len(rows),
        "agree": alone.pop("agree"),
        "differ": alone.pop("differ"),
        "run with too few seeds to be judged": alone.pop("too few seeds"),
        **({f"run, but not judged ({others})": verdicts.total()} if others else {}),
        **alone,
    }
    return "\n".join(f"| {words} | {count} |" for words, count in lines.items())


def _cells(row: Row) -> tuple[str, ...]:
    number, evidence = row
    fixed = (
        "weight of an update" if number.quantity == "update_weight" else quantity_words(number),
        number.method,
        point_label(number.label) or ABSENT,
        published_words(number),
    )
    if evidence is None:
        why = f"{row.verdict}: {number.unmatched}" if number.unmatched else row.verdict
        return (*fixed, ABSENT, ABSENT, why, f"({number.seeds})", ABSENT, ABSENT)
    verdict = f"**{evidence.verdict}**" if evidence.verdict == "differs" else evidence.verdict
    return (
        *fixed,
        evidence.ours,
        evidence.interval,
        verdict,
        f"{evidence.seeds} ({number.seeds})",
        duration(evidence.seconds),
        f"[{evidence.folder}](../figures/{evidence.folder}/summary.md)",
    )


def _note(note: Note) -> str:
    named = note.words.removeprefix(note.source).removeprefix(", ").replace("_", " ")
    words = f"**{named}.** {note.text}"
    return textwrap.fill(" ".join(words.split()), 120, break_long_words=False, break_on_hyphens=False) + "\n"
