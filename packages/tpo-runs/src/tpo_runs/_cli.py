"""The program `tpo-runs`. Nothing here imports JAX before the config is known to be right."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from ._arguments import parse_arguments
from ._config_error import ConfigError
from ._signals import Stopped, StopSignals
from ._storage_error import StorageError

SIGNAL = 128


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program on a command line, that of the process by default.

    Returns:
        The exit code; `tpo-runs --help` says what each means.
    """
    again = ""
    try:
        with StopSignals() as stop:
            arguments = parse_arguments(argv)
            again = ", without --overwrite," if arguments.overwrite else ""
            # Imported late, so that --help and a mistyped flag need no more than the command line.
            from ._custom import check_custom
            from ._load import load_config

            loaded = load_config(
                arguments.config,
                smoke=arguments.smoke,
                overrides=arguments.overrides,
                methods=arguments.methods,
            )
            check_custom(loaded.cells, loaded.path)
            from ._run import run

            return run(loaded, arguments, stop)
    except ConfigError as error:
        for line in error.lines:
            print(line, file=sys.stderr)
        return 2
    except StorageError as error:
        print(error, file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(f"stopped by {stopped.name}; the same command{again} goes on from there", file=sys.stderr)
        return stopped.code


def program() -> NoReturn:
    """`main` as a process of its own."""
    code = main()
    if code > SIGNAL:
        # Threads may be compiling what nobody waits for any more, and Python would wait for them.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
