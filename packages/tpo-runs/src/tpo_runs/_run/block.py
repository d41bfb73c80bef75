"""Training one block of seeds, with checkpoints."""

import platform
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._config import Cell, config_of_block
from .._errors import as_storage_error
from .._learn import Chunk, TrainState, block_layout, raise_at_cause, row_of, train
from .._signals import StopSignals
from .._store import Store
from .answers import answers_of, sample_records
from .blocks import Block, Compiled
from .checkpoint import Checkpoint, Checkpoints, checkpoints_of
from .machine import changes, origin
from .policies import keep_policies
from .progress import Display
from .replacement import Replacement
from .tracking import Trackers


class RunContext(NamedTuple):
    """What all blocks of a run share. `debugging` lists the settings of JAX that search for causes of NaN."""

    store: Store
    display: Display
    stop: StopSignals
    trackers: Trackers
    replacement: Replacement
    debugging: tuple[str, ...] = ()


class _Progress:
    """The completed steps of a block: their metrics, seconds and provenance."""

    def __init__(self, seeds: int, checkpoint: Checkpoint | None, now: Mapping[str, Any]):
        self.pieces = [checkpoint.metrics] if checkpoint else []
        self.step = checkpoint.step if checkpoint else 0
        self.seconds = checkpoint.facts["seconds"] if checkpoint else 0.0
        self.alive = checkpoint.alive if checkpoint else np.ones(seeds, bool)
        self.provenance = dict(now)
        if checkpoint:
            earlier = dict(checkpoint.facts["provenance"])
            before = earlier.pop("before", [])
            before = before if earlier == now else [*before, earlier]
            self.provenance |= {"before": before} if before else {}

    def metrics(self) -> dict[str, Float[np.ndarray, "seeds steps"]]:
        return {
            name: np.concatenate([piece[name] for piece in self.pieces], axis=1) for name in self.pieces[0]
        }

    def checkpoint(self, changing: TrainState) -> Checkpoint:
        facts = {"seconds": self.seconds, "provenance": self.provenance}
        return Checkpoint(self.step, changing, self.metrics(), facts)


def train_block(block: Block, compiled: Compiled, context: RunContext) -> None:
    """Train a block, resuming from its last checkpoint, and store it. Warns of seeds that diverged.

    Raises:
        Stopped: a signal arrived, and a checkpoint was saved.
        StorageError: a file cannot be written; the last checkpoint is intact.
    """
    cell, seeds, store, display = block.cell, block.seeds, context.store, context.display
    state = compiled.start(seeds)
    directory = store.checkpoints(cell.key, seeds)
    checkpoints = checkpoints_of(store, cell, seeds)
    now = origin(cell) | {"layout": block_layout(compiled.trainer, jnp.asarray(seeds)).words}
    before = answers_of(compiled, state, seeds)
    checkpoint = checkpoints.latest(compiled.trainer.changing(state), display.warn)
    progress = _Progress(len(seeds), checkpoint, now)
    display.block(cell, seeds, progress.step)
    context.trackers.begin_block(cell, seeds)
    if checkpoint is not None:
        context.trackers.steps(0, checkpoint.metrics)
        state = compiled.trainer.restored(checkpoint.state, state)
        _warn_of_changes(cell, checkpoint.facts["provenance"], now, display)
    state = _train(block, compiled, state, progress, checkpoints, context)
    samples = sample_records(seeds, before, answers_of(compiled, state, seeds))
    metrics = progress.metrics()
    diverged = first_diverged_steps(seeds, metrics["loss"])
    facts = {**progress.provenance, "diverged": diverged}
    timing = {
        "seconds": progress.seconds,
        "host": platform.node(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    with as_storage_error(directory, "the last checkpoint is intact; rerun to resume from it"):
        if cell.schedule.keep_policies:
            keep_policies(store, cell, seeds, progress.checkpoint(compiled.trainer.changing(state)))
        store.write_block(cell, seeds, metrics, facts, timing, config_of_block(cell, seeds), samples)
        checkpoints.remove()
    context.trackers.end_block(complete=True)
    display.end(progress.seconds, diverged)


def _warn_of_changes(
    cell: Cell, earlier: Mapping[str, Any], now: Mapping[str, Any], display: Display
) -> None:
    """Warn if the steps of a checkpoint were computed with other versions or on other devices."""
    if differences := "; ".join(changes(earlier, now)):
        display.warn(f"{cell.label}: the steps up to here were computed with {differences}")
    if (layout := earlier.get("layout", now["layout"])) != now["layout"]:
        change = f"the steps up to here were computed on {layout}, the next ones on {now['layout']}"
        display.warn(f"{cell.label}: {change}: the results agree up to rounding")


def _train(
    block: Block,
    compiled: Compiled,
    state: TrainState,
    progress: _Progress,
    checkpoints: Checkpoints,
    context: RunContext,
) -> TrainState:
    """Train the remaining steps, and return the state after the last one."""
    schedule = block.cell.schedule
    saved = time.monotonic()
    chunks = train(
        compiled.trainer,
        state,
        jnp.asarray(block.seeds),
        schedule.steps,
        first_step=progress.step,
        alive=progress.alive,
        program=compiled.program,
    )
    context.stop.check()
    for state, chunk in chunks:
        progress.pieces.append(chunk.metrics)
        context.trackers.steps(chunk.start, chunk.metrics)
        progress.step = chunk.stop
        progress.seconds += chunk.seconds
        context.display.advance(chunk.stop, chunk.seconds, chunk.metrics)
        if context.debugging:
            _find_cause(block, compiled, state, chunk, context.debugging)
        if chunk.stop == schedule.steps:
            return state
        due = time.monotonic() - saved >= 60 * schedule.checkpoint_minutes
        if due or context.stop.requested:
            # A run with more steps finds the checkpoint by its cell's settings.
            context.store.write_spec(block.cell)
            checkpoints.save(progress.checkpoint(compiled.trainer.changing(state)))
            saved = time.monotonic()
        context.stop.check()
    return state


def _find_cause(
    block: Block, compiled: Compiled, states: TrainState, chunk: Chunk, debugging: Sequence[str]
) -> None:
    """Raise an error at the operation that made a seed diverge in this chunk; its state is from before."""
    diverged = first_diverged_steps(block.seeds, chunk.metrics["loss"])
    for row, seed in enumerate(block.seeds):
        if (step := diverged.get(str(seed))) is not None:
            raise_at_cause(compiled.trainer, row_of(states, row), seed, chunk.start + step, debugging)


def first_diverged_steps(seeds: Sequence[int], loss: Float[np.ndarray, "seeds steps"]) -> dict[str, int]:
    """The seeds whose loss is NaN at the end, and the first step at which it is.

    >>> first_diverged_steps([7, 8], np.array([[1.0, 2.0], [1.0, np.nan]]))
    {'8': 1}
    """
    return {
        str(seed): int(np.isnan(row).argmax())
        for seed, row in zip(seeds, loss, strict=True)
        if np.isnan(row[-1])
    }
