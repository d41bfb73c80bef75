"""`tpo-runs rank`: the order of methods over all points of a grid."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .._errors import ConfigError
from .._text import printable
from .arguments import path


def rank(
    sources: Sequence[Path],
    *,
    at: Sequence[tuple[str, str]],
    against: str | None,
    points: bool,
    markdown: bool,
    metric: str | None,
) -> int:
    """Print the order of methods by the area under their curves, over all points of the grid.

    Methods whose intervals overlap are not ranked. Cells of several runs and summaries are ranked together.
    """
    from rich.console import Console

    from .._config import parse_value
    from .._publish import read_results
    from .._results import at_point, point_tables, ranking_table

    run = read_results(sources)
    shown = {"metric": metric or run.metric, "threshold": run.threshold}
    try:
        cells = at_point(run.cells, {axis: parse_value(value) for axis, value in at})
        tables = [ranking_table(cells, reference=against, **shown)]
        tables += point_tables(cells, **shown) if points else []
    except ValueError as error:
        raise ConfigError([f"tpo-runs rank: {printable(str(error))}"]) from None
    for table in tables:
        if markdown:
            print(table.markdown())
        else:
            Console().print(table.rich())
    return 0


def add_rank_arguments(rank: argparse.ArgumentParser) -> None:
    """Add the arguments of `rank` to its parser."""
    help = "output directories of runs, and summaries"
    rank.add_argument("sources", type=path, nargs="+", metavar="OUT | SUMMARY.json", help=help)
    help = "only cells with this value of an axis of the grid; may be given several times"
    rank.add_argument("--at", type=_axis_value, action="append", default=[], metavar="AXIS=VALUE", help=help)
    help = "compare each method with this one"
    rank.add_argument("--against", metavar="NAME", help=help)
    rank.add_argument("--points", action="store_true", help="print a table for each point, too")
    rank.add_argument("--markdown", action="store_true", help="print Markdown")
    rank.add_argument("--metric", help="what should be small (default: that of the runs)")


def _axis_value(text: str) -> tuple[str, str]:
    axis, equals, value = text.partition("=")
    if not (axis.strip() and equals):
        raise argparse.ArgumentTypeError(f"expected AXIS=VALUE, found {text!r}")
    return axis.strip(), value.strip()
