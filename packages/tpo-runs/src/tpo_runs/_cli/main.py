"""The program `tpo-runs`. Nothing here imports JAX before the config is known to be right."""

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

SIGNAL = 128
# What only prints: where that fails, it has failed.
PRINTING = {"check", "show", "schema", "--list", "--help", "-h", "--version"}


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run the program on a command line, that of the process by default.

    Returns:
        The exit code; `tpo-runs --help` says what each means.
    """
    # Imported late, so that a signal in the first moments finds nothing under way, see `program`.
    from .._errors import ConfigError, Stopped, StorageError
    from .._signals import StopSignals
    from .arguments import parse_arguments

    again = ""
    words = sys.argv[1:] if argv is None else argv
    try:
        with StopSignals() as stop:
            arguments = parse_arguments(words)
            again = ", without --overwrite," if arguments.overwrite else ""
            # So that --help and a mistyped flag need no more than the command line.
            from .commands import follow

            return follow(arguments, stop)
    except ConfigError as error:
        return _end(2, error.lines, words)
    except StorageError as error:
        return _end(1, [str(error)], words)
    except Stopped as stopped:
        line = f"stopped by {stopped.name}; the same command{again} goes on from there"
        return _end(stopped.code, [line], words)


def _end(code: int, lines: "Sequence[str]", words: "Sequence[str]") -> int:
    """Say on standard error why the program ends early, and with --json in an event, too."""
    from .._text import ascii_safe

    lines = [ascii_safe(line) for line in lines]
    for line in lines:
        print(line, file=sys.stderr)
    if "--json" in words:
        from .._events import EventStream

        EventStream().emit("end", code=code, lines=lines)
    return code


def program() -> "NoReturn":
    """`main` as a process of its own."""
    # While Python imports, there is nothing to save.
    signal.signal(signal.SIGINT, lambda number, _: os._exit(SIGNAL + number))
    from .._streams import fault_of, make_standard_streams_patient

    output = make_standard_streams_patient()
    # The figures need no window. What the variable names may not even be there.
    os.environ["MPLBACKEND"] = "agg"
    try:
        code = main()
    except SystemExit as end:  # after --help
        code = end.code if isinstance(end.code, int) else 0
    if fault := fault_of(output):
        print(fault, file=sys.stderr)
        code = code or int(not PRINTING.isdisjoint(sys.argv))
    if code >= SIGNAL:
        # Python would wait for threads that are still compiling.
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
