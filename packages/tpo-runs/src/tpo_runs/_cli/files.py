"""The commands that write or serve one file about a stored run. Each returns the exit code."""

from collections.abc import Callable
from pathlib import Path

from .._errors import ConfigError
from .._text import printable

STANDARD_OUTPUT = 1


def report(out: Path, *, to: Path | None, watch: bool, port: int | None) -> int:
    """Write one HTML page about a run from its results. Trains nothing.

    With --watch, the page is served on this machine until Ctrl-C, and refreshes while the run trains.
    """
    if watch and to is not None:
        raise ConfigError(["tpo-runs report: --to: not with --watch, which writes no file; leave one out"])
    if port is not None and not watch:
        raise ConfigError(["tpo-runs report: --port: needs --watch, which serves the page"])
    from .._publish import serve_report, write_report

    if not watch:
        return _write(write_report, out, to)
    _check(out)
    serve_report(out, port or 0, lambda url: print(f"{url} (Ctrl-C ends it)", flush=True))
    return 0


def summarize(out: Path, *, to: Path | None) -> int:
    """Write the numbers and thinned curves of a run to a small JSON file. Trains nothing."""
    from .._publish import write_summary

    return _write(write_summary, out, to)


def frame(out: Path, *, to: Path | None) -> int:
    """Write all metrics of a run as one Parquet file, for pandas and others. Trains nothing.

    The columns are the method, the axes of the grid, the seed, the step and the metrics.
    """
    from .._store import write_frame

    return _write(write_frame, out, to)


def _write(write: Callable[[Path, Path | None], Path], out: Path, to: Path | None) -> int:
    """Write a file, and print its name unless it is standard output."""
    from .._files import open_descriptor

    _check(out)
    written = write(out, to)
    if to is None or open_descriptor(to) != STANDARD_OUTPUT:
        print(printable(str(written)))
    return 0


def _check(out: Path) -> None:
    from .._store import check_holds_run

    check_holds_run(out)
