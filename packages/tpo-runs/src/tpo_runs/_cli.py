"""The program `tpo-runs`. Nothing here imports JAX before the config is known to be right."""

import sys
from collections.abc import Sequence

from ._arguments import parse_arguments
from ._config_error import ConfigError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program on a command line, that of the process by default.

    Returns:
        The exit code: 2, after one line for each problem, when the command line or the config is wrong.
    """
    try:
        arguments = parse_arguments(argv)
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

        return run(loaded, arguments)
    except ConfigError as error:
        for line in error.lines:
            print(line, file=sys.stderr)
        return 2
