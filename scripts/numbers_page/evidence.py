"""What our runs say about a published number, and which of them says most."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tpo_runs._labels import point_label
from tpo_runs._paper_numbers import PaperNumber
from tpo_runs._paper_table import interval_words, published_words, quantity_words, value_words
from tpo_runs._statistics import Interval
from tpo_runs._summary_file import CellRecord, PaperRecord
from tpo_runs._text_table import ABSENT

from .runs import Run

JUDGED = ("agrees", "differs")
BESIDE = "**Beside arXiv 2604.06159**"


@dataclass(frozen=True)
class Evidence:
    """One run's value of a published number, as it is printed.

    Args:
        ours: our value.
        interval: its 95% interval.
        verdict: "agrees" or "differs", or why neither can be said.
        seeds: how many; likewise `steps`.
        folder: below figures/.
        seconds: of training, all seeds together; NaN where the run has no summary.json.
        machine: on which; empty where the run has no summary.json.
    """

    ours: str
    interval: str
    verdict: str
    seeds: int
    steps: int
    folder: str
    seconds: float = math.nan
    machine: str = ""

    @property
    def judged(self) -> bool:
        """Whether the run is long enough and has seeds enough to agree or differ."""
        return self.verdict in JUDGED


def best(found: Iterable[Evidence]) -> Evidence | None:
    """What is judged before what is not, then most seeds, then most steps, then what has a summary.json."""
    return max(found, key=lambda e: (e.judged, e.seeds, e.steps, bool(e.machine)), default=None)


def evidence_for(
    number: PaperNumber, runs: Sequence[Run], tables: Sequence[dict[str, str]]
) -> list[Evidence]:
    """What all runs say about a number.

    Args:
        number: the published number.
        runs: those with a summary.json.
        tables: rows of `printed_rows`, of those without.
    """
    found = [
        _of_record(number, record, run)
        for run in runs
        for record in run.cell.paper
        if record.name == number.name and record.ours == record.ours
    ]
    return found + [_of_row(row) for row in tables if _prints(row, number)]


def printed_rows(root: Path) -> list[dict[str, str]]:
    """The rows of "Beside arXiv" in each `figures/*/summary.md` that has no summary.json beside it."""
    rows = []
    for path in sorted(root.glob("figures/*/summary.md")):
        if not any(path.parent.glob("summary*.json")):
            lines = [line for line in _table(path.read_text(encoding="utf-8")) if line]
            names = _cells(lines[0]) if lines else []
            rows += [
                dict(zip(names, _cells(line), strict=True), folder=path.parent.name) for line in lines[2:]
            ]
    return rows


def _table(text: str) -> list[str]:
    after = text.partition(BESIDE)[2].strip()
    return after.partition("\n\n")[0].splitlines()


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def _prints(row: dict[str, str], number: PaperNumber) -> bool:
    expected = {
        "source": number.source,
        "quantity": quantity_words(number) if not number.unmatched else "",
        "conditions": point_label(number.label) or ABSENT,
        "paper": published_words(number),
    }
    # In the runs' tables a method has the name of the config: "TPO" on token groups, "TPO, 1 epoch".
    named = row["method"].partition(",")[0] == number.method.removesuffix(" (token groups)")
    return named and all(row[key] == text for key, text in expected.items())


def _of_row(row: dict[str, str]) -> Evidence:
    seeds, steps = (int(re.sub(r"\(.*\)|,", "", row[name])) for name in ("seeds (paper)", "steps (paper)"))
    verdict = row["verdict"].replace("fewer steps", "run too short")  # older tables had other words
    return Evidence(row["ours"], row["95% interval"], verdict, seeds, steps, row["folder"])


def _of_record(number: PaperNumber, record: PaperRecord, run: Run) -> Evidence:
    ours = value_words(number, record.ours)
    if record.precision > number.evaluate_every:
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
