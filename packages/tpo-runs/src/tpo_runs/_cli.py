"""The program `tpo-runs`. Nothing here imports JAX before the config is known to be right."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from ._arguments import parse_arguments
from ._config_error import ConfigError
from ._signals import Stopped, StopSignals
from ._storage_error import StorageError
from ._wording import ascii_safe

SIGNAL = 128


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program on a command line, that of the process by default.

    Returns:
        The exit code; `tpo-runs --help` says what each means.
    """
    again = ""
    words = sys.argv[1:] if argv is None else argv
    try:
        with StopSignals() as stop:
            arguments = parse_arguments(words)
            again = ", without --overwrite," if arguments.overwrite else ""
            # Imported late, so that --help and a mistyped flag need no more than the command line.
            from ._commands import follow

            return follow(arguments, stop)
    except ConfigError as error:
        return _end(2, error.lines, words)
    except StorageError as error:
        return _end(1, [str(error)], words)
    except Stopped as stopped:
        line = f"stopped by {stopped.name}; the same command{again} goes on from there"
        return _end(stopped.code, [line], words)


def _end(code: int, lines: Sequence[str], words: Sequence[str]) -> int:
    """Say on standard error why the program ends early, and with --json in an event, too."""
    lines = [ascii_safe(line) for line in lines]
    for line in lines:
        print(line, file=sys.stderr)
    if "--json" in words:
        from ._display_json import JsonDisplay

        JsonDisplay().emit("end", code=code, lines=lines)
    return code


def program() -> NoReturn:
    """`main` as a process of its own."""
    code = main()
    if code > SIGNAL:
        # Threads may be compiling what nobody waits for any more, and Python would wait for them.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
