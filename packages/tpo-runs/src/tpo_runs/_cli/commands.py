"""The commands of `tpo-runs`. Each returns the exit code, and imports only what it needs."""

import importlib
import json as json_module
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._errors import ConfigError
from .._signals import StopSignals
from .._text import found, printable

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
    from .._config import check_custom, load_config

    _refuse_output(config)
    if track is not None:
        names = [name.strip() for name in track.split(",") if name.strip()]
        overrides = (*overrides, ("tracking.to", json_module.dumps(names)))
    loaded = load_config(config, smoke=smoke, overrides=overrides, methods=methods)
    check_custom(loaded.cells)
    out = out or _default_out(config, smoke)
    _import_jax()
    from .._run import RunOptions, check_engine, check_installed, list_cells, with_choices
    from .._run import run as run_experiment

    check_installed(loaded.config.tracking.to)
    check_engine(loaded.config.executor)
    if list_only:
        from .._store import Store

        store = Store(out)
        list_cells(with_choices(loaded, store.tuning), store, json=json)
        return 0
    options = RunOptions(short=smoke, overwrite=overwrite, quiet=quiet, json=json)
    return run_experiment(loaded, out, stop, options)


def check(config: Path, *, smoke: bool, methods: str | None, overrides: Overrides) -> int:
    """Validate a config and count what it would train. Trains and writes nothing."""
    from .._config import check_custom, load_config
    from .plan import print_plan

    _refuse_output(config)
    loaded = load_config(config, smoke=smoke, overrides=overrides, methods=methods)
    check_custom(loaded.cells)
    print_plan(loaded, _default_out(config, smoke))
    return 0


def show(config: Path, *, smoke: bool, methods: str | None, overrides: Overrides) -> int:
    """Print a config with overrides and all defaults applied."""
    from .._config import config_text, load_config

    _refuse_output(config)
    loaded = load_config(config, smoke=smoke, overrides=overrides, methods=methods)
    sys.stdout.write(config_text(loaded.config))
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


def draw(sources: Sequence[Path], *, figures: Path | None, to: Path | None, overrides: Overrides) -> int:
    """Draw the figures and tables of a run again from its results or summaries. Trains nothing."""
    if overrides and figures is None:
        flag = printable(overrides[0][0])
        raise ConfigError([f"tpo-runs draw: --{flag}: no config to override; --figures names one"])
    # run.json is a run's manifest: it stands for its directory.
    others = [path for path in sources if path.suffix != ".json" or path.name == "run.json"]
    if not others:
        from .._publish import draw_summaries

        files = draw_summaries(sources, to, figures, overrides)
    else:
        if len(sources) > 1:
            fault = f"unexpected argument {found(str(others[0]))}; expected one OUT, or summaries"
            fix = "to compare runs, use tpo-runs compare OUT OUT --figure FILE"
            raise ConfigError([f"tpo-runs draw: {fault}; {fix}"])
        if to is not None:
            fault = f"--to is for summaries; the figures of a run are drawn in {sources[0]}/figures"
            raise ConfigError([f"tpo-runs draw: {fault}"])
        from .._publish import redraw
        from .._store import check_holds_run

        check_holds_run(sources[0])
        files = redraw(sources[0], figures, overrides)
    print(printable(f"figures and tables: {', '.join(map(str, files))}"))
    return 0


def choose(out: Path, axes: Sequence[str], *, metric: str) -> int:
    """Print the best values of grid axes for each method: those with the smallest mean over steps and seeds.

    Below the table, the choices are printed as the `at` keys of the methods of a config.
    """
    from rich.console import Console

    from .._config import at_keys
    from .._results import choice_table
    from .._results import choose as choose_values
    from .._store import Store, check_holds_run

    check_holds_run(out)
    try:
        choices = choose_values(Store(out).results(), axes, metric=metric)
    except ValueError as error:
        raise ConfigError([f"tpo-runs choose: {printable(str(error))}"]) from None
    Console().print(choice_table(choices, metric=metric).rich())
    for method in dict.fromkeys(choice.method for choice in choices):
        settings = [(choice.point, choice.values) for choice in choices if choice.method == method]
        print(printable(f"{method}: ") + at_keys(settings))
    return 0


def export(
    out: Path, *, to: Path, method: str | None, seed: int | None, adapter: bool, overrides: Overrides
) -> int:
    """Write a trained language model as a folder that other libraries load. Trains nothing.

    The run must have been trained with schedule.keep_policies = true. Where it has a grid, name the point by
    the values of its axes, such as --policy.lora.rank 8.
    """
    from .._run import export_model

    _import_jax()
    point = _point(overrides)
    print(printable(export_model(out, to, method=method, seed=seed, point=point, adapter=adapter)))
    return 0


def sample(
    out: Path, *, method: str | None, seed: int | None, prompts: int, answers: int, overrides: Overrides
) -> int:
    """Print answers that a trained policy samples, with their scores. Trains nothing.

    The run must have been trained with schedule.keep_policies = true. Where it has a grid, name the point by
    the values of its axes, such as --task.horizon 7.
    """
    _import_jax()
    from .._run import load_trained, sampled_lines, set_up_jax

    set_up_jax(short=True)
    trained = load_trained(out, method, seed=seed, point=_point(overrides))
    for line in sampled_lines(trained, prompts=prompts, candidates=answers):
        print(line)
    return 0


def _point(overrides: Overrides) -> dict[str, Any]:
    """The point of a grid that words such as `--task.horizon 7` name."""
    from .._config import parse_value

    return {axis: parse_value(value) for axis, value in overrides}


def _refuse_output(config: Path) -> None:
    """Refuse the output directory of a run in place of a config, and name the commands that take it."""
    if not os.path.isdir(config):
        return
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


def _import_jax() -> None:
    """Import JAX, which reads and checks its environment variables."""
    try:
        importlib.import_module("jax")
    except ValueError as error:
        text = str(error)
        names = [name for name in os.environ if name.startswith("JAX_") and name.lower() in text.lower()]
        variable = "".join(f"{name}={os.environ[name]}: " for name in names)
        raise ConfigError([printable(f"{variable}{text}")]) from None
