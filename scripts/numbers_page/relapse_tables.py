"""Tables of seeds that come back up, and of means that no seed is near."""

from collections.abc import Sequence

import numpy as np

from tpo_runs._results import ABSENT, FAILED, has_failed, percent

from .markdown import table
from .runs import Run

COMING_BACK = 0.1


def relapse_table(runs: Sequence[Run]) -> str:
    """Of every cell, how many seeds were solved, how many came back up, and how far."""
    rows = []
    for run in runs:
        highest = _highest(run)
        worst = percent(max(highest)) if highest else ABSENT
        above = [sum(value > level for value in highest) for level in (COMING_BACK, FAILED)]
        counts = (len(run.cell.seeds), len(highest), *above)
        rows.append((run.link, run.label, *map(str, counts), worst, str(has_failed(run.final).sum())))
    columns = (
        "run",
        "cell",
        "seeds",
        "ever below 1%",
        "later above 10%",
        "later above 50%",
        "worst, %",
        "failed",
    )
    return table(columns, rows, numbers=2)


def _highest(run: Run) -> list[float]:
    """The highest error since it was solved, of every seed that ever was."""
    assert run.cell.exact is not None
    highest = run.cell.exact.highest_since
    return highest[~np.isnan(highest)].tolist()


def relapse_words(runs: Sequence[Run]) -> str:
    """How many solved seeds of each method came back up, all runs on tokens together."""
    lines = []
    by_method: dict[str, list[float]] = {}
    for run in runs:
        if run.cell.spec["task"]["kind"] == "tokens":
            by_method.setdefault(run.cell.method, []).extend(_highest(run))
    for method, highest in by_method.items():
        back = sum(value > COMING_BACK for value in highest)
        lines.append(f"{method}: {back} of {len(highest)}")
    together = "; ".join(lines)
    return f"On tokens, all of these runs together, solved seeds that were later above 10%: {together}."


def two_kinds_table(runs: Sequence[Run]) -> str:
    """The cells whose final errors fall into two groups, and the groups."""
    rows = []
    for run in runs:
        final = run.final
        if np.isnan(final).any() or not two_kinds(final):
            continue
        ordered = np.sort(final)
        split = int(np.argmax(np.diff(ordered))) + 1
        halves = ordered[:split], ordered[split:]
        ends = [f"{len(half)} at {percent(half.min())} to {percent(half.max())}" for half in halves]
        rows.append((run.link, run.label, percent(final.mean()), percent(float(np.median(final))), *ends))
    columns = ("run", "cell", "mean, %", "median, %", "better seeds", "worse seeds")
    return table(columns, rows, numbers=2)


def two_kinds(final: Sequence[float] | np.ndarray, gap: float = 0.05) -> bool:
    """Whether final errors fall into two groups with more than `gap` between them.

    >>> two_kinds([0.04, 0.05, 0.13]), two_kinds([0.04, 0.05, 0.06])
    (True, False)
    """
    return bool(np.diff(np.sort(np.array(final))).max(initial=0) > gap)
