"""What our runs say about a published number, and which of them says most."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tpo_runs._paper import PaperComparison, PaperNumber, compare, interval_words, value_words

from .runs import Run

JUDGED = ("agrees", "differs")


@dataclass(frozen=True)
class Evidence:
    """One run's value of a published number, as it is printed.

    Args:
        ours: our value.
        interval: its 95% interval, and p where the author's seeds decide.
        verdict: "agrees" or "differs", or why neither can be said.
        seeds: how many; likewise `steps`.
        folder: below figures/.
        seconds: of training, all seeds together.
    """

    ours: str
    interval: str
    verdict: str
    seeds: int
    steps: int
    folder: str
    seconds: float

    @property
    def judged(self) -> bool:
        """Whether the run is long enough and has seeds enough to agree or differ."""
        return self.verdict in JUDGED


def best(found: Iterable[Evidence]) -> Evidence | None:
    """What is judged before what is not, then most seeds, then most steps."""
    return max(found, key=lambda e: (e.judged, e.seeds, e.steps), default=None)


def evidence_for(number: PaperNumber, runs: Sequence[Run]) -> list[Evidence]:
    """What all runs say about a number."""
    of_cell = {id(run.cell): run for run in runs}
    found = compare([run.cell for run in runs], [number])
    return [_of_comparison(row, of_cell[id(row.cell)]) for row in found if not math.isnan(row.ours)]


def _of_comparison(row: PaperComparison, run: Run) -> Evidence:
    number = row.number
    ours = value_words(number, row.ours)
    if row.precision > number.evaluate_every and math.isfinite(row.ours):
        ours = f"{ours} (within {row.precision})"
    return Evidence(
        ours=ours,
        interval=interval_words(row),
        verdict=row.verdict,
        seeds=len(run.cell.seeds),
        steps=run.cell.steps,
        folder=run.folder,
        seconds=run.cell.provenance["seconds"],
    )
