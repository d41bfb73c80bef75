"""Results as a table for people."""

from collections.abc import Iterator

from rich.table import Table

from .compare import curve_differences
from .results import Results, Row, Spread
from .startup import startup_lines


def report(results: Results) -> Table:
    """A row for each case; times and operations are those of one seed."""
    table = Table("case", title="an episode, or a part of it, for each seed")
    for heading in (
        *("ms", "least to most", "necessary GFLOP", "GFLOP/s", "share of matmul"),
        *("compile s", "again s", "peak MB"),
    ):
        table.add_column(heading, justify="right")
    for row in results.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> Iterator[str]:
    spread = row.milliseconds
    yield row.key
    yield f"{spread.median:.4g}"
    yield f"{spread.low:.4g} to {spread.high:.4g}"
    yield f"{1e-9 * row.flop:.3g}"
    yield f"{row.gflops:.3g}"
    yield f"{row.share:.0%}"
    yield f"{row.compile_seconds:.1f}"
    yield "" if row.again_seconds is None else f"{row.again_seconds:.1f}"
    yield f"{1e-6 * row.peak_bytes:.0f}"


def notes(results: Results) -> Iterator[str]:
    """What belongs below the table."""
    for name, rates in (("all cores", results.all_cores), ("one core", results.one_core)):
        if rates:
            spread = Spread.of(rates)
            low, high = f"{spread.low:.0f}", f"{spread.high:.0f}"
            yield f"float32 matmul on {name}: {spread.median:.0f} GFLOP/s ({low} to {high})"
    yield from startup_lines(results.startup)
    rows = {row.key: row for row in results.rows}
    for row in results.rows:
        cached = rows.get(row.key.replace(", naive", ""))
        if ", naive" in row.key and cached is not None:
            differences = "; ".join(curve_differences(row, cached))
            verdict = differences or "the same as with the naive transformer"
            ratio = row.milliseconds.median / cached.milliseconds.median
            yield f"{cached.key}: {ratio:.1f} times as fast as naive; learning curve: {verdict}"
