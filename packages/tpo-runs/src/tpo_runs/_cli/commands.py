"""The commands that take a config. Each returns the exit code, and imports only what it needs."""

import importlib
import json as json_module
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .._errors import ConfigError
from .._signals import StopSignals
from .._text import printable

if TYPE_CHECKING:
    from .._config import LoadedConfig

Overrides = tuple[tuple[str, str], ...]


def run(
    config: Path,
    *,
    smoke: bool,
    methods: str | None,
    overrides: Overrides,
    out: Path | None,
    overwrite: bool,
    list_only: bool,
    track: str | None,
    quiet: bool,
    json: bool,
    stop: StopSignals,
) -> int:
    """Train the methods of a config, store the results and draw the figures."""
    from .._config import check_custom

    if track is not None:
        names = [name.strip() for name in track.split(",") if name.strip()]
        overrides = (*overrides, ("tracking.to", json_module.dumps(names)))
    loaded = _load(config, smoke, methods, overrides)
    check_custom(loaded.cells)
    out = out or _default_out(config, smoke)
    import_jax()
    from .._run import RunOptions, check_installed, list_cells, with_choices
    from .._run import run as run_experiment

    check_installed(loaded.config)
    if list_only:
        from .._store import Store

        store = Store(out)
        list_cells(with_choices(loaded, store.tuning), store, json=json)
        return 0
    options = RunOptions(short=smoke, overwrite=overwrite, quiet=quiet, json=json)
    return run_experiment(loaded, out, stop, options)


def check(config: Path, *, smoke: bool, methods: str | None, overrides: Overrides) -> int:
    """Validate a config and count what it would train. Trains and writes nothing."""
    from .._config import check_custom
    from .plan import print_plan

    loaded = _load(config, smoke, methods, overrides)
    check_custom(loaded.cells)
    print_plan(loaded, _default_out(config, smoke))
    return 0


def show(config: Path, *, smoke: bool, methods: str | None, overrides: Overrides) -> int:
    """Print a config with overrides and all defaults applied."""
    from .._config import config_text

    sys.stdout.write(config_text(_load(config, smoke, methods, overrides).config))
    return 0


def schema() -> int:
    """Print the JSON Schema of config files, for validation and completion in editors."""
    from .._config import schema_text

    sys.stdout.write(schema_text())
    return 0


def kinds(section: str | None) -> int:
    """Print what a config can choose from: the kinds of each section, the probes and the measures."""
    from .kinds import kinds_text

    sys.stdout.write(kinds_text(section))
    return 0


def _load(config: Path, smoke: bool, methods: str | None, overrides: Overrides) -> "LoadedConfig":
    from .._config import load_config

    if os.path.isdir(config):
        _refuse_output(config)
    return load_config(config, smoke=smoke, overrides=overrides, methods=methods)


def _refuse_output(config: Path) -> None:
    """Refuse the output directory of a run in place of a config, and name the commands that take it."""
    from .._store import check_holds_run

    try:
        check_holds_run(config)
    except ConfigError:
        return  # loading it says what a config is
    meant = " or ".join(f"'tpo-runs {command} {config}'" for command in ("draw", "report"))
    fault = f"{config}: is the output directory of a run; expected a config; did you mean {meant}?"
    raise ConfigError([printable(fault)])


def _default_out(config: Path, smoke: bool) -> Path:
    name = config.stem.strip(".") or "run"
    return Path("results") / (f"{name}-smoke" if smoke else name)


def import_jax() -> None:
    """Import JAX, which reads and checks its environment variables."""
    try:
        importlib.import_module("jax")
    except ValueError as error:
        text = str(error)
        names = [name for name in os.environ if name.startswith("JAX_") and name.lower() in text.lower()]
        variable = "".join(f"{name}={os.environ[name]}: " for name in names)
        raise ConfigError([printable(f"{variable}{text}")]) from None
