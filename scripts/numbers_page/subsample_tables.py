"""Tables of what runs would have said with fewer of their seeds."""

from collections.abc import Sequence

import numpy as np

from tpo_runs._results import ABSENT, mean_interval, percent, step_count

from .markdown import table
from .runs import Run
from .subsamples import Crossings, crossings, intervals, sizes


def crossing_table(runs: Sequence[Run]) -> str:
    """The step at which the mean over some of the seeds crosses the threshold, by their number."""
    counts = sorted({size for run in runs for size in sizes(len(run.cell.seeds))})
    rows = []
    for run in runs:
        own = sizes(len(run.cell.seeds))
        found = [_words(crossings(run, n)) if n in own else ABSENT for n in counts]
        rows.append((run.link, run.label, f"{run.cell.bin_width}", *found))
    columns = ("run", "cell", "precision", *(f"{n} seed{'s' * (n > 1)}" for n in counts))
    return table(columns, rows, numbers=2)


def _words(found: Crossings) -> str:
    low, median, high = map(step_count, found)
    return median if low == high else f"{median} [{low}, {high}]"


def crossing_words(runs: Sequence[Run]) -> str:
    """In how many cells all seeds cross later than the middle seed alone."""
    one = [crossings(run, 1).median for run in runs]
    every = [crossings(run, len(run.cell.seeds)).median for run in runs]
    later = sum(together > alone for alone, together in zip(one, every, strict=True))
    sooner = sum(together < alone for alone, together in zip(one, every, strict=True))
    return (
        f"All seeds together cross later than the middle seed alone in {later} of these {len(runs)} cells, "
        f"and sooner in {sooner}."
    )


def spread(runs: Sequence[Run]) -> list[Run]:
    """The runs of at least 16 seeds of which some end above 1%, and none is lost."""
    several = [run for run in runs if len(run.cell.seeds) >= 16 and not np.isnan(run.final).any()]
    return [run for run in several if run.final.max() > 0.01]


def interval_table(runs: Sequence[Run]) -> str:
    """How wide the interval of the mean final error is, and how often it holds that of all seeds."""
    counts = sorted({size for run in runs for size in sizes(len(run.cell.seeds)) if size > 1})
    rows = [(run.link, run.label, *(_width(run, size) for size in counts)) for run in runs]
    return table(("run", "cell", *(f"{size} seeds" for size in counts)), rows, numbers=2)


def _width(run: Run, size: int) -> str:
    if size not in sizes(len(run.cell.seeds)):
        return ABSENT
    if size == len(run.cell.seeds):
        low, high = mean_interval(run.final)
        return percent(high - low)
    found = intervals(run.final, size)
    return f"{percent(found.width)} ({100 * found.holding:.0f}%)"


def interval_words(runs: Sequence[Run]) -> str:
    """How often the interval of four seeds holds the mean over all of them."""
    if not runs:
        return ""
    holding = np.mean([intervals(run.final, 4).holding for run in runs])
    return (
        f"Of four seeds, the interval holds the mean over all seeds in {100 * holding:.0f}% of the subsets, "
        "averaged over these cells."
    )
