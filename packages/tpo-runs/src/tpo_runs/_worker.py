"""Trains one block in a worker process of Ray or submitit, which imports this file before JAX."""

import os
import signal
import tomllib
from pathlib import Path
from typing import Any

from ._errors import Stopped
from ._signals import SIGNALS, StopSignals

# The last compiled program, by its key. The next block often needs it again.
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
    """Train one block of seeds, resuming from its last checkpoint, unless it is already stored.

    Args:
        text: config of the block, in TOML.
        name: name of the block.
        store: path of the store.
        config: path of the run's config; custom objectives may be beside it.
        directory: working directory of the run.
        cpus: number of CPU cores to use; each is a device of JAX.
        short: whether compilation takes longer than training.
        environment: environment variables of the run.

    Returns:
        The error in one line; an empty string if the block is stored.
    """
    # SLURM also sends SIGTERM to jobs that it is about to requeue, which must not exit.
    signals = (signal.SIGINT,) if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" else SIGNALS
    try:
        with StopSignals(signals) as stop, stop.polled():
            # Set before JAX is imported, which reads it.
            os.environ.update(environment)
            if Path(directory).is_dir():
                os.chdir(directory)
            from ._run import set_up_jax

            set_up_jax(short=short, cpus=cpus)
            _train(text, name, Path(store), Path(config), stop)
    except Stopped as stopped:
        # Both engines see these as an interruption, and Ray restarts a task whose worker exits.
        raise (KeyboardInterrupt if stopped.name == "SIGINT" else SystemExit(stopped.code)) from None
    except Exception as error:
        from ._run import keep_traceback
        from ._store import Store

        return keep_traceback(error, Store(store), name.partition("-")[0])
    return ""


def _train(text: str, name: str, root: Path, config: Path, stop: StopSignals) -> None:
    from ._config import Config, TrackingSpec, expand
    from ._run import (
        Block,
        Display,
        Replacement,
        RunContext,
        Trackers,
        block_lock,
        compile_block,
        drop_programs,
        fixed_settings,
        train_block,
    )
    from ._store import Store

    (cell,) = expand(Config.model_validate(tomllib.loads(text)))
    block = Block(cell, tuple(cell.seeds))
    if block.name != name:
        raise RuntimeError(
            f"expected the block {name}, but tpo-runs on this worker makes {block.name} of its config; "
            "install the same version there"
        )
    store, display = Store(root), Display(1, cell.schedule.steps)
    with fixed_settings(), block_lock(block, store, stop):
        if store.block(cell.key, block.seeds) is not None:
            return
        key = (*block.program, config)
        if key not in _program:
            _program.clear()
            drop_programs()
            _program[key] = compile_block(block, config)
        trackers = Trackers(TrackingSpec(), store, display.warn)
        context = RunContext(store, display, stop, trackers, Replacement(store))
        train_block(block, _program[key], context)


class TrainBlock:
    """`train_block_into_store` for submitit, which requeues it when a job reaches its time limit."""

    def __call__(self, **call: Any) -> str:
        """Train a block."""
        return train_block_into_store(**call)

    def checkpoint(self, **call: Any) -> Any:
        """The call of the requeued job, in which the block resumes from its last checkpoint."""
        from submitit.helpers import DelayedSubmission  # pyright: ignore[reportMissingImports]

        return DelayedSubmission(self, **call)
