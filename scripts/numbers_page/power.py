"""What a test of our seeds beside the author's can find, in simulated runs."""

from collections.abc import Iterable

import numpy as np

from tpo_runs._paper import LEVEL, PaperNumber
from tpo_runs._results import rank_test

from .markdown import table

RUNS = 200
SHARES = (0.25, 0.5, 0.75, 0.9, 1.0)
ENDS = {"100%": 100.0, "0%": 0.0}


def power(number: PaperNumber, count: int, share: float, end: float, runs: int = RUNS) -> float:
    """How often the test tells `count` seeds of ours from the author's.

    Each seed of ours ends at `end` percent with probability `share`, else like a random one of the author's.
    """
    random = np.random.default_rng(0)
    like_theirs = random.choice(number.of_seeds, (runs, count))
    ours = np.where(random.random((runs, count)) < share, end, like_theirs)
    theirs = np.array(number.of_seeds)
    return float(np.mean([rank_test(row, theirs) < LEVEL for row in ours]))


def power_table(cases: Iterable[tuple[PaperNumber, int]]) -> str:
    """The power in percent, for each number and its count of our seeds."""
    rows = [
        (number.method, str(count), words, *(f"{100 * power(number, count, s, end):.0f}" for s in SHARES))
        for number, count in cases
        for words, end in ENDS.items()
    ]
    columns = ("method", "our seeds", "end at", *(f"{share:.0%} of ours" for share in SHARES))
    return table(columns, rows, numbers=3)
