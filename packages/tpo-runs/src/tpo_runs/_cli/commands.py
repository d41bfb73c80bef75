"""What each command of `tpo-runs` does. Modules are imported by the command that needs them."""

import importlib
import os
import sys

from .._errors import ConfigError
from .._files import open_descriptor
from .._signals import StopSignals
from .._text import ascii_safe
from .arguments import FROM_RESULTS, Arguments, default_out

STANDARD_OUTPUT = 1


def follow(arguments: Arguments, stop: StopSignals) -> int:
    """Do what the command line asks for.

    Returns:
        The exit code.

    Raises:
        ConfigError, StorageError, Stopped: as `tpo_runs._run.run`.
    """
    if arguments.command == "schema":
        from .._config import schema_text

        sys.stdout.write(schema_text())
        return 0
    if arguments.command in FROM_RESULTS:
        written = ascii_safe(_from_results(arguments))
        if arguments.to is None or open_descriptor(arguments.to) != STANDARD_OUTPUT:
            sys.stdout.write(written + "\n")
        return 0
    return _of_config(arguments, stop)


def import_jax() -> None:
    """Import JAX, which reads its settings from the environment.

    Raises:
        ConfigError: one of them is not what JAX takes.
    """
    try:
        importlib.import_module("jax")
    except ValueError as error:
        text = str(error)
        names = [name for name in os.environ if name.startswith("JAX_") and name.lower() in text.lower()]
        variable = "".join(f"{name}={os.environ[name]}: " for name in names)
        raise ConfigError([ascii_safe(f"{variable}{text}")]) from None


def _from_results(arguments: Arguments) -> str:
    """Read a store or summaries, write files, and name them."""
    if arguments.summaries:
        from .._publish import draw_summaries

        files = draw_summaries(arguments.summaries, arguments.to, arguments.figures, arguments.overrides)
        return f"figures and tables: {', '.join(map(str, files))}"
    from .._store import check_holds_run

    assert arguments.out is not None
    check_holds_run(arguments.out)
    if arguments.command == "report":
        from .._publish import write_report

        return str(write_report(arguments.out, arguments.to))
    if arguments.command == "summarize":
        from .._publish import write_summary

        return str(write_summary(arguments.out, arguments.to))
    from .._publish import redraw

    files = redraw(arguments.out, arguments.figures, arguments.overrides)
    return f"figures and tables: {', '.join(map(str, files))}"


def _of_config(arguments: Arguments, stop: StopSignals) -> int:
    """Check a config, and show it, tell about it, or run it."""
    from .._config import check_custom, load_config

    loaded = load_config(
        arguments.config,
        smoke=arguments.smoke,
        overrides=arguments.overrides,
        methods=arguments.methods,
    )
    if arguments.command == "show":
        from .._config import config_text

        sys.stdout.write(config_text(loaded.config))
        return 0
    check_custom(loaded.cells, loaded.path)
    out = arguments.out or default_out(loaded.path, arguments.smoke)
    if arguments.command == "check":
        from .check import tell

        tell(loaded, out)
        return 0
    import_jax()
    from .._run import RunOptions, check_engine, check_installed, list_cells, run

    check_installed(loaded.config.tracking.to)
    check_engine(loaded.config.executor)
    if arguments.list:
        from .._store import Store

        list_cells(loaded, Store(out), json=arguments.json)
        return 0
    options = RunOptions(
        short=arguments.smoke, overwrite=arguments.overwrite, quiet=arguments.quiet, json=arguments.json
    )
    return run(loaded, out, stop, options)
