"""Training one block of seeds, with checkpoints, from where an earlier run left it."""

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
from .._signals import Stop
from .._store import Store
from .blocks import Block, Compiled
from .checkpoint import Checkpoint, Checkpoints
from .machine import changes
from .origin import origin
from .progress import Reporter
from .replacement import Replacement
from .tracking import Trackers


class Surroundings(NamedTuple):
    """What all blocks of a run share: where results go, who is told, and who may stop it."""

    store: Store
    reporter: Reporter
    stop: Stop
    trackers: Trackers
    replacement: Replacement
    debugging: tuple[str, ...] = ()


class _Progress:
    """The steps done so far: their metrics, the seconds they took, and what they were computed with."""

    def __init__(self, seeds: int, begun: Checkpoint | None, now: Mapping[str, Any]):
        self.pieces = [begun.metrics] if begun else []
        self.step = begun.step if begun else 0
        self.seconds = begun.facts["seconds"] if begun else 0.0
        self.alive = begun.alive if begun else np.ones(seeds, bool)
        self.provenance = dict(now)
        if begun:
            earlier = dict(begun.facts["provenance"])
            before = earlier.pop("before", [])
            before = before if earlier == now else [*before, earlier]
            self.provenance |= {"before": before} if before else {}

    def metrics(self) -> dict[str, Float[np.ndarray, "seeds steps"]]:
        return {
            name: np.concatenate([piece[name] for piece in self.pieces], axis=1) for name in self.pieces[0]
        }

    def checkpoint(self, state: TrainState) -> Checkpoint:
        facts = {"seconds": self.seconds, "provenance": self.provenance}
        return Checkpoint(self.step, state, self.metrics(), facts)


def train_block(block: Block, compiled: Compiled, around: Surroundings) -> None:
    """Train a block of seeds to its end and store it, and warn of seeds that diverged.

    Raises:
        Stopped: a signal has arrived; a checkpoint is saved.
        StorageError: the disk does not take what has to be kept; the last checkpoint is intact.
    """
    cell, seeds, store = block.cell, block.seeds, around.store
    state = compiled.start(seeds)
    checkpoints = Checkpoints(
        store.checkpoints(cell.key, seeds), {"cell": cell.identity(), "seeds": list(seeds)}
    )
    layout = block_layout(compiled.trainer, jnp.asarray(seeds)).words
    now = origin(cell) | {"layout": layout}
    begun = checkpoints.latest(state, around.reporter.warn)
    progress = _Progress(len(seeds), begun, now)
    around.reporter.block(cell, seeds, progress.step)
    around.trackers.begin_block(cell, seeds)
    if begun is not None:
        around.trackers.steps(0, begun.metrics)
        state = begun.state
        if differences := "; ".join(changes(begun.facts["provenance"], now)):
            around.reporter.warn(f"{cell.label}: the steps up to here were computed with {differences}")
        if (before := begun.facts["provenance"].get("layout", layout)) != layout:
            moved = f"the steps up to here were computed on {before}, from here on {layout}"
            around.reporter.warn(f"{cell.label}: {moved}: equal up to rounding, not to the bit")
    _train(block, compiled, state, progress, checkpoints, around)
    metrics = progress.metrics()
    diverged = first_lost_steps(seeds, metrics["loss"])
    facts = {**progress.provenance, "diverged": diverged}
    timing = {
        "seconds": progress.seconds,
        "host": platform.node(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    with as_storage_error(
        store.checkpoints(cell.key, seeds), "the last checkpoint is intact; rerun to go on from there"
    ):
        store.write_block(cell, seeds, metrics, facts, timing, config_of_block(cell, seeds))
        checkpoints.remove()
    around.trackers.end_block(complete=True)
    around.reporter.end(progress.seconds, diverged)
    warn_of_lost_seeds(cell, diverged, around.reporter)


def warn_of_lost_seeds(cell: Cell, diverged: Mapping[str, int], reporter: Reporter) -> None:
    """Warn of the seeds that diverged, at these steps."""
    for seed, step in diverged.items():
        reporter.warn(
            f"{cell.label}: seed {seed} diverged at step {step}: error, loss or state is NaN or infinite; "
            "it is frozen from there on, and the other seeds are not touched"
        )


def _train(
    block: Block,
    compiled: Compiled,
    state: TrainState,
    progress: _Progress,
    checkpoints: Checkpoints,
    around: Surroundings,
) -> None:
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
    around.stop.check()
    for state, chunk in chunks:
        progress.pieces.append(chunk.metrics)
        around.trackers.steps(chunk.start, chunk.metrics)
        progress.step = chunk.stop
        progress.seconds += chunk.seconds
        around.reporter.advance(
            chunk.stop - chunk.start, chunk.stop, chunk.seconds, chunk.metrics["error"][:, -1]
        )
        if around.debugging:
            _find_cause(block, compiled, state, chunk, around.debugging)
        if chunk.stop == schedule.steps:
            return
        due = time.monotonic() - saved >= 60 * schedule.checkpoint_minutes
        if due or around.stop.asked:
            checkpoints.save(progress.checkpoint(state))
            saved = time.monotonic()
        around.stop.check()


def _find_cause(
    block: Block, compiled: Compiled, states: TrainState, chunk: Chunk, debugging: Sequence[str]
) -> None:
    """Raise where a seed that was lost in this chunk became NaN or infinite: it has its state before that."""
    lost = first_lost_steps(block.seeds, chunk.metrics["loss"])
    for row, seed in enumerate(block.seeds):
        if (step := lost.get(str(seed))) is not None:
            raise_at_cause(compiled.trainer, row_of(states, row), seed, chunk.start + step, debugging)


def first_lost_steps(seeds: Sequence[int], loss: Float[np.ndarray, "seeds steps"]) -> dict[str, int]:
    """The seeds whose loss is NaN at the end, and the first step from which on it is.

    >>> first_lost_steps([7, 8], np.array([[1.0, 2.0], [1.0, np.nan]]))
    {'8': 1}
    """
    return {
        str(seed): int(np.isnan(row).argmax())
        for seed, row in zip(seeds, loss, strict=True)
        if np.isnan(row[-1])
    }
