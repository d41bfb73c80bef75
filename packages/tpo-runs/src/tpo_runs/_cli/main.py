"""The program `tpo-runs`. JAX is imported only when the config is valid."""

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

SIGNAL = 128
# If what these print is lost, they have failed.
ONLY_PRINT = {"check", "show", "kinds", "schema", "completion", "--list", "--help", "-h", "--version"}


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the program on a command line, by default that of the process. Returns the exit code."""
    # Imported late: `program` first installs its own signal handler.
    from .._errors import ConfigError, Stopped, StorageError
    from .._signals import StopSignals
    from .parser import parse

    words = sys.argv[1:] if argv is None else argv
    try:
        with StopSignals() as stop:
            return parse(words, stop)()
    except ConfigError as error:
        return _fail(2, error.lines, words)
    except StorageError as error:
        return _fail(1, [str(error)], words)
    except Stopped as stopped:
        command = "the same command without --overwrite" if "--overwrite" in words else "the same command"
        return _fail(stopped.code, [f"stopped by {stopped.name}; run {command} to resume"], words)


def _fail(code: int, lines: "Sequence[str]", words: "Sequence[str]") -> int:
    """Print why the program ends early on standard error, and as an event with `--json`."""
    from .._text import printable

    lines = [printable(line) for line in lines]
    for line in lines:
        print(line, file=sys.stderr)
    if "--json" in words:
        from .._events import EventStream

        EventStream().emit("end", code=code, lines=lines)
    return code


def program() -> "NoReturn":
    """Run `main` as a process."""
    # While Python imports modules, there is nothing to save.
    signal.signal(signal.SIGINT, lambda number, _: os._exit(SIGNAL + number))
    from .._streams import fault_of, make_standard_streams_tolerant

    output = make_standard_streams_tolerant()
    # Figures need no window, and the backend that the variable names may not be installed.
    os.environ["MPLBACKEND"] = "agg"
    try:
        code = main()
    except SystemExit as end:  # after --help
        code = end.code if isinstance(end.code, int) else 0
    if fault := fault_of(output):
        print(fault, file=sys.stderr)
        code = code or int(not ONLY_PRINT.isdisjoint(sys.argv))
    if code >= SIGNAL:
        # Python would wait for threads that are still compiling.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
