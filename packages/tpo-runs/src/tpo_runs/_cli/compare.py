"""The command `tpo-runs compare`."""

from collections.abc import Sequence
from pathlib import Path


def compare(sources: Sequence[Path], *, metric: str | None, figure: Path | None) -> int:
    """Compare runs of the same methods: final errors, and the settings in which they differ. Trains nothing.

    Differences are from the first run, over the seeds that both runs have.
    """
    from .._console import make_console, print_line
    from .._publish import compare_runs

    comparison, console = compare_runs(sources, metric=metric, figure=figure), make_console()
    console.print(comparison.table.rich())
    for line in comparison.lines:
        print_line(console, line)
    if comparison.files:
        print_line(console, f"figure: {', '.join(map(str, comparison.files))}")
    return 0
