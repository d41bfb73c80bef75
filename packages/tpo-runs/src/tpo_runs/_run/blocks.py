"""Blocks of seeds, their locks, and the compiled programs that train them."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from filelock import FileLock, Timeout

from .._config import Cell
from .._errors import as_storage_error
from .._learn import (
    AnswerSample,
    CompiledChunk,
    Trainer,
    TrainState,
    answer_samples,
    compile_chunk,
    initial_state,
    start_state,
)
from .._signals import StopSignals
from .._store import Store, block_name
from .build import build_policy, build_sample_task, build_trainer, factor_of
from .memory import check_memory
from .warm_start import start_policies


class Block(NamedTuple):
    """Consecutive seeds of a cell, which are trained together."""

    cell: Cell
    seeds: tuple[int, ...]

    @property
    def name(self) -> str:
        """A name that is unique in a run."""
        return f"{self.cell.key}-{block_name(self.seeds)}"

    @property
    def program(self) -> tuple[str, int]:
        """The key of the compiled program that the block needs."""
        return self.cell.program_key, len(self.seeds)


class Compiled(NamedTuple):
    """A compiled program, and the functions for the states that it trains."""

    trainer: Trainer
    program: CompiledChunk
    start: Callable[[Sequence[int]], TrainState]  # makes initial states of seeds
    answers: Callable[[Any], list[AnswerSample]] | None = None  # of a policy to some held-out problems

    def for_cell(self, cell: Cell) -> "Compiled":
        """The same program for another cell with the same `program_key`."""
        return self._replace(trainer=dataclasses.replace(self.trainer, factor=factor_of(cell)))


def blocks_of(cell: Cell, finished: Set[int] = frozenset()) -> list[Block]:
    """The seeds of a cell that are not finished, in blocks of consecutive seeds, the largest first."""
    missing = [seed for seed in cell.seeds if seed not in finished]
    blocks = []
    for _, group in itertools.groupby(enumerate(missing), lambda pair: pair[1] - pair[0]):
        consecutive = [seed for _, seed in group]
        size = cell.schedule.block
        blocks += [tuple(consecutive[i : i + size]) for i in range(0, len(consecutive), size)]
    return [Block(cell, seeds) for seeds in sorted(blocks, key=len, reverse=True)]


@contextmanager
def block_lock(block: Block, store: Store, stop: StopSignals) -> Iterator[None]:
    """Hold the lock of a block, which workers of a killed run may still train. Waits until it is free.

    Raises:
        Stopped: a signal arrived during the wait.
        StorageError: the lock file cannot be written.
    """
    path = store.locks / f"{block.name}.lock"
    lock = FileLock(path)
    while not lock.is_locked:
        stop.check()
        with as_storage_error(path, "rerun to resume from the last checkpoint"):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Another process may have just removed the directory.
            with suppress(Timeout, FileNotFoundError):
                lock.acquire(timeout=1)
    try:
        yield
    finally:
        if store.block(block.cell.key, block.seeds) is not None:
            # A process that waits for the removed file finds the block in the store.
            path.unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            path.parent.rmdir()


def compile_block(block: Block, config: Path) -> Compiled:
    """Compile the program that trains a block, and check that the device has enough memory. Thread-safe.

    A user's own modules may be beside `config`.
    """
    cell = block.cell.model_copy(update={"config": config})
    trainer = build_trainer(cell)
    policy = build_policy(cell)

    def start(seeds: Sequence[int]) -> TrainState:
        return start_state(trainer, start_policies(cell, seeds), jnp.asarray(seeds))

    # Shapes alone: a language model's state is large, and other blocks train meanwhile.
    shapes = eqx.filter_eval_shape(lambda: initial_state(trainer, policy, jnp.asarray(block.seeds)))

    def compiled(trainer: Trainer) -> CompiledChunk:
        return compile_chunk(trainer, shapes, jnp.asarray(block.seeds))

    def needed_with(microbatches: int) -> int:
        return compiled(dataclasses.replace(trainer, microbatches=microbatches)).bytes_needed

    program = compiled(trainer)
    check_memory(cell, program.bytes_needed, needed_with)
    samples = build_sample_task(cell)
    return Compiled(trainer, program, start, samples and functools.partial(answer_samples, samples))
