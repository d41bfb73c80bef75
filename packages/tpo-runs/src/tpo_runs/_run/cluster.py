"""What the executors for Ray and SLURM share: blocks are jobs, each of which is one function call."""

import abc
import os
import tempfile
import time
from collections import deque
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._config import RaySpec, SlurmSpec, config_of_block
from .._errors import ConfigError
from .._files import UNFINISHED
from .._store import Store, StoredBlock, by_seed
from .block import Surroundings, warn_of_lost_seeds
from .blocks import Block, compile_block
from .failures import keep_traceback

POLL_SECONDS = 0.5
# How long jobs have to save a checkpoint when the run ends before them.
GRACE_SECONDS = 30.0
# SLURM refuses larger arrays of jobs by default.
LARGEST_BATCH = 1000
# The environment variables that workers take over.
PASSED_ON = ("JAX_", "XLA_", "TPO_", "TF_CPP_")


class AbstractCluster(abc.ABC):
    """Trains each block by a call of `train_block_into_store` in a job. Subclasses know how to run jobs.

    Args:
        spec: the `[executor]` table.
        config: path of the config; objectives of the user may lie beside it.
        around: what the blocks of the run share.
        short: whether compiling takes longer than training.
    """

    def __init__(self, spec: RaySpec | SlurmSpec, config: Path, around: Surroundings, *, short: bool):
        self._around, self._config, self._room = around, config, spec.most
        self._shared_arguments: dict[str, Any] = {
            "store": str(around.store.root.resolve()),
            "config": str(config.resolve()),
            "directory": str(Path.cwd()),
            "cpus": spec.cpus,
            "short": short,
            "environment": {name: x for name, x in os.environ.items() if name.startswith(PASSED_ON)},
        }
        self._jobs: dict[Any, Block] = {}
        self._last_end = time.monotonic()

    @abc.abstractmethod
    def _submit(self, calls: Sequence[dict[str, Any]]) -> Sequence[Any]:
        """Submit a job for each of these keyword arguments of `train_block_into_store`."""

    @abc.abstractmethod
    def _ended(self, jobs: Sequence[Any], seconds: float) -> Sequence[Any]:
        """The jobs that have ended, after a wait of up to `seconds` for one."""

    @abc.abstractmethod
    def _failure(self, job: Any) -> str:
        """What the job returned, or why it did not return."""

    @abc.abstractmethod
    def _cancel(self, jobs: Sequence[Any], *, kill: bool) -> None:
        """Interrupt jobs, which then save a checkpoint, or kill them."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of the engine."""

    def train(
        self, blocks: Sequence[Block], failed: Container[str]
    ) -> Generator[tuple[Block, str], None, None]:
        """As `Executor.train`. Interrupts the jobs that are left when it ends early."""
        waiting, jobs = deque(blocks), self._jobs
        try:
            while waiting or jobs:
                yield from self._fill(waiting, failed)
                self._around.stop.check()
                for job in self._ended(list(jobs), POLL_SECONDS):
                    block = jobs.pop(job)
                    if block.cell.key in failed:
                        continue
                    yield block, self._outcome(block, self._failure(job))
                    if block.cell.key in failed:
                        same_cell = [job for job, other in jobs.items() if other.cell.key == block.cell.key]
                        self._cancel(same_cell, kill=False)
        finally:
            self._interrupt()

    def _fill(self, waiting: deque[Block], failed: Container[str]) -> Iterator[tuple[Block, str]]:
        """Submit as many blocks as there is room for. Yields those that fail before that."""
        batch: list[Block] = []
        room = min(self._room - len(self._jobs), LARGEST_BATCH)
        while waiting and len(batch) < room:
            block = waiting.popleft()
            if block.cell.key in failed:
                continue
            if failure := self._replace(block):
                yield block, failure
            else:
                batch.append(block)
        calls = [
            {"text": config_of_block(block.cell, block.seeds), "name": block.name, **self._shared_arguments}
            for block in batch
        ]
        if calls:
            self._jobs.update(zip(self._submit(calls), batch, strict=True))

    def _replace(self, block: Block) -> str:
        """Remove the earlier results of the block's cell if it compiles here. Returns why it does not."""
        store, replacement = self._around.store, self._around.replacement
        if block.cell.key in replacement:
            try:
                compile_block(block, self._config)
            except Exception as error:
                return keep_traceback(error, store.root, block.cell.key)
            replacement.start(block.cell.key)
        return ""

    def _interrupt(self) -> None:
        """Let the jobs save what they have, and kill those that do not in time."""
        if not self._jobs:
            return
        self._cancel(list(self._jobs), kill=False)
        until = time.monotonic() + GRACE_SECONDS
        while self._jobs and time.monotonic() < until:
            for job in self._ended(list(self._jobs), 0.2):
                del self._jobs[job]
        self._cancel(list(self._jobs), kill=True)

    def _outcome(self, block: Block, failure: str) -> str:
        stored = self._around.store.block(block.cell.key, block.seeds)
        if stored is None:
            return failure or "the job ended without a result"
        now = time.monotonic()
        seconds, self._last_end = now - self._last_end, now
        return show_stored(block, stored, self._around, seconds)


def show_stored(block: Block, stored: StoredBlock, around: Surroundings, seconds: float) -> str:
    """Show a block that another process trained, and send it to the trackers.

    Args:
        block: the block.
        stored: the same block in the store.
        around: what the blocks of the run share.
        seconds: the time since the block before it; the display estimates the time left from it.

    Returns:
        Why it cannot be read, in one line; an empty string if it can.
    """
    try:
        content = stored.read()
    except ConfigError as error:
        return "; ".join(error.lines)
    cell, reporter = block.cell, around.reporter
    steps, diverged = cell.schedule.steps, content.provenance["diverged"]
    reporter.block(cell, block.seeds, 0)
    reporter.advance(steps, steps, seconds, by_seed(content.table)[1]["error"][:, -1])
    reporter.end(content.timing["seconds"], diverged)
    warn_of_lost_seeds(cell, diverged, reporter)
    around.trackers.whole_block(cell, stored)
    return ""


def no_room(spec: RaySpec | SlurmSpec, where: str, why: str) -> ConfigError:
    """The refusal of a block that asks for more than there is."""
    asked = f"cpus = {spec.cpus}, gpus = {spec.gpus}, memory_gb = {spec.memory_gb or 'any'}"
    return ConfigError([f"[executor] {where} has no room for a block ({asked}): {why}"])


@contextmanager
def file_to_see(store: Store) -> Iterator[str]:
    """A new file in the store, by which nodes can tell whether they see the store; its path."""
    with tempfile.NamedTemporaryFile(dir=store.root, prefix=UNFINISHED) as file:
        yield str(Path(file.name).resolve())


def unseen(store: Store, nodes: str) -> ConfigError:
    """The refusal of a store that is not on a shared file system."""
    fix = "choose an --out on a file system that all nodes share"
    return ConfigError([f"{store.root}: not seen by {nodes}; {fix}"])
