"""Training one block in a process that Ray or submitit started."""

import os
import signal
import tomllib
from pathlib import Path
from typing import Any

from .._errors import Stopped
from .._signals import SIGNALS, StopSignals

# The last program that this process compiled, by what it was made from: the next block often needs it, too.
_program: dict[Any, Any] = {}


def train_block_into_store(
    text: str,
    *,
    name: str,
    store: str,
    config: str,
    directory: str,
    cpus: int,
    short: bool,
    environment: dict[str, str],
) -> str:
    """Train one block of seeds, from its last checkpoint on, unless the store has it already.

    Args:
        text: the block's own config, in TOML.
        name: the block's name.
        store: directory of the store.
        config: path of the run's config; objectives of the user may lie beside it.
        directory: working directory of the run.
        cpus: CPU cores to use; each is a device of JAX.
        short: whether compiling takes longer than training.
        environment: variables that the numbers may depend on.

    Returns:
        Why it failed, in one line; an empty string if the block is in the store.
    """
    # SLURM also sends SIGTERM to jobs that it is about to requeue; those must not end by themselves.
    signals = (signal.SIGINT,) if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" else SIGNALS
    try:
        with StopSignals(signals) as stop, stop.polled():
            # JAX reads the environment when it is imported.
            os.environ.update(environment)
            if Path(directory).is_dir():
                os.chdir(directory)
            from .devices import set_up_jax

            set_up_jax(short=short, cpus=cpus)
            _train(text, name, Path(store), Path(config), stop)
    except Stopped as stopped:
        # Neither engine takes these for a result, and Ray starts a task again whose worker exits.
        raise (KeyboardInterrupt if stopped.name == "SIGINT" else SystemExit(stopped.code)) from None
    except Exception as error:
        from .failures import keep_traceback

        return keep_traceback(error, Path(store), name.partition("-")[0])
    return ""


def _train(text: str, name: str, root: Path, config: Path, stop: StopSignals) -> None:
    from .._config import Config, TrackingSpec, expand
    from .._store import Store
    from .block import Surroundings, train_block
    from .block_lock import block_lock
    from .blocks import Block, compile_block
    from .devices import drop_programs
    from .display import QuietDisplay
    from .jax_settings import fixed_settings
    from .progress import Reporter
    from .replacement import Replacement
    from .tracking import Trackers

    (cell,) = expand(Config.model_validate(tomllib.loads(text)))
    block = Block(cell, tuple(cell.seeds))
    if block.name != name:
        raise RuntimeError(
            f"asked for {name}, but tpo-runs on this worker makes {block.name} of its config; "
            "install the same version there"
        )
    store, reporter = Store(root), Reporter(QuietDisplay(), 1, cell.schedule.steps)
    with fixed_settings(), block_lock(block, store, stop):
        if store.block(cell.key, block.seeds) is not None:
            return
        key = (*block.program, config)
        if key not in _program:
            _program.clear()
            drop_programs()
            _program[key] = compile_block(block, config)
        trackers = Trackers(TrackingSpec(), store, reporter.warn)
        around = Surroundings(store, reporter, stop, trackers, Replacement(store))
        train_block(block, _program[key], around)
