"""What our runs say about a published number, and which of them says most."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tpo_runs._paper import PaperNumber, interval_words, value_words
from tpo_runs._publish import CellRecord, PaperRecord
from tpo_runs._results import Interval

from .runs import Run

JUDGED = ("agrees", "differs")


@dataclass(frozen=True)
class Evidence:
    """One run's value of a published number, as it is printed.

    Args:
        ours: our value.
        interval: its 95% interval.
        verdict: "agrees" or "differs", or why neither can be said.
        seeds: how many; likewise `steps`.
        folder: below figures/.
        seconds: of training, all seeds together.
        machine: on which.
    """

    ours: str
    interval: str
    verdict: str
    seeds: int
    steps: int
    folder: str
    seconds: float
    machine: str

    @property
    def judged(self) -> bool:
        """Whether the run is long enough and has seeds enough to agree or differ."""
        return self.verdict in JUDGED


def best(found: Iterable[Evidence]) -> Evidence | None:
    """What is judged before what is not, then most seeds, then most steps."""
    return max(found, key=lambda e: (e.judged, e.seeds, e.steps), default=None)


def evidence_for(number: PaperNumber, runs: Sequence[Run]) -> list[Evidence]:
    """What all runs say about a number."""
    return [
        _of_record(number, record, run)
        for run in runs
        for record in run.cell.paper
        if record.name == number.name and record.ours == record.ours
    ]


def _of_record(number: PaperNumber, record: PaperRecord, run: Run) -> Evidence:
    ours = value_words(number, record.ours)
    if record.precision > number.evaluate_every and math.isfinite(record.ours):
        ours = f"{ours} (within {record.precision})"
    return Evidence(
        ours=ours,
        interval=interval_words(number, Interval(*record.interval)),
        verdict=record.verdict,
        seeds=record.seeds[0],
        steps=record.steps[0],
        folder=run.folder,
        seconds=run.cell.seconds,
        machine=machine_words(run.cell),
    )


def machine_words(cell: CellRecord) -> str:
    """What a cell was trained on: "2 CPU cores (AMD EPYC, AVX2)", "NVIDIA H100 80GB HBM3".

    Where its seeds were trained on several machines, all of them.
    """
    words = {}
    for origin in cell.origins:
        kinds = [kind.partition(": ")[2] for kind in origin.devices if not kind.startswith("cpu")]
        cores = f"{origin.cpu_count or 'some'} CPU cores"
        named = f"{cores} ({origin.processor})" if origin.processor else cores
        words[" and ".join(kinds) or named] = None
    return ", ".join(words)
