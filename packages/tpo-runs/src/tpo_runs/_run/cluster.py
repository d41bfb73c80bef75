"""The common part of the executors for Ray and SLURM: a job for each block."""

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
from .block import RunContext
from .blocks import Block, compile_block
from .failures import keep_traceback

POLL_SECONDS = 0.5
# Time for jobs to save a checkpoint when the run ends before them.
GRACE_SECONDS = 30.0
# SLURM refuses larger job arrays by default.
MAX_BATCH = 1000
# Prefixes of the environment variables that are passed to workers.
PASSED_ON = ("JAX_", "XLA_", "TPO_", "TF_CPP_")


# Blocks that have ended, each with an error message, which is empty if the block is stored.
Ended = Generator[tuple[Block, str], None, None]


class AbstractCluster(abc.ABC):
    """Trains each block by a call of `train_block_into_store` in a job. Subclasses run the jobs."""

    def __init__(self, spec: RaySpec | SlurmSpec, config: Path, context: RunContext, *, short: bool):
        self._context, self._config, self._max_jobs = context, config, spec.most
        self._shared_arguments: dict[str, Any] = {
            "store": str(context.store.root.resolve()),
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
        """Wait up to `seconds` for a job to end; return the jobs that have ended."""

    @abc.abstractmethod
    def _failure(self, job: Any) -> str:
        """The return value of a job, or why it has none."""

    @abc.abstractmethod
    def _cancel(self, jobs: Sequence[Any], *, kill: bool) -> None:
        """Interrupt jobs, which then save a checkpoint, or kill them."""

    @abc.abstractmethod
    def close(self) -> None:
        """Release resources."""

    def train(self, blocks: Sequence[Block], failed: Container[str]) -> Ended:
        """Train blocks into the store of the run, and yield each when it ends.

        Between two blocks, the caller adds the keys of cells that failed to `failed`. Their remaining blocks
        are skipped.
        """
        waiting, jobs = deque(blocks), self._jobs
        try:
            while waiting or jobs:
                yield from self._submit_next(waiting, failed)
                self._context.stop.check()
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

    def _submit_next(self, waiting: deque[Block], failed: Container[str]) -> Iterator[tuple[Block, str]]:
        """Submit as many blocks as allowed, and yield those that do not compile."""
        batch: list[Block] = []
        size = min(self._max_jobs - len(self._jobs), MAX_BATCH)
        while waiting and len(batch) < size:
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
        """Remove the earlier results of the block's cell if it compiles here; else return the error."""
        store, replacement = self._context.store, self._context.replacement
        if block.cell.key in replacement:
            try:
                compile_block(block, self._config)
            except Exception as error:
                return keep_traceback(error, store, block.cell.key)
            replacement.start(block.cell.key)
        return ""

    def _interrupt(self) -> None:
        """Let the jobs save a checkpoint, then kill those that still run."""
        if not self._jobs:
            return
        self._cancel(list(self._jobs), kill=False)
        until = time.monotonic() + GRACE_SECONDS
        while self._jobs and time.monotonic() < until:
            for job in self._ended(list(self._jobs), 0.2):
                del self._jobs[job]
        self._cancel(list(self._jobs), kill=True)

    def _outcome(self, block: Block, failure: str) -> str:
        stored = self._context.store.block(block.cell.key, block.seeds)
        if stored is None:
            return failure or "the job ended without a result"
        now = time.monotonic()
        seconds, self._last_end = now - self._last_end, now
        return show_stored(block, stored, self._context, seconds)


def show_stored(block: Block, stored: StoredBlock, context: RunContext, seconds: float) -> str:
    """Show a block that another process trained, and send it to the trackers.

    The display estimates the time left from `seconds`, the time since the previous block. Returns an error
    message if the block cannot be read.
    """
    try:
        content = stored.read()
    except ConfigError as error:
        return "; ".join(error.lines)
    cell, display, diverged = block.cell, context.display, content.provenance["diverged"]
    display.block(cell, block.seeds, 0)
    display.advance(cell.schedule.steps, seconds, by_seed(content.table)[1])
    display.end(content.timing["seconds"], diverged)
    context.trackers.whole_block(cell, stored)
    return ""


def no_capacity(spec: RaySpec | SlurmSpec, where: str, why: str) -> ConfigError:
    """The error for a block that needs more resources than the cluster has."""
    needs = f"cpus = {spec.cpus}, gpus = {spec.gpus}, memory_gb = {spec.memory_gb or 'any'}"
    return ConfigError([f"[executor] {where} has no room for a block ({needs}): {why}"])


@contextmanager
def probe_file(store: Store) -> Iterator[str]:
    """A temporary file in the store. A node that does not see it does not share the store."""
    with tempfile.NamedTemporaryFile(dir=store.root, prefix=UNFINISHED) as file:
        yield str(Path(file.name).resolve())


def not_shared(store: Store, nodes: str) -> ConfigError:
    """The error for a store that some nodes do not see."""
    fix = "choose an --out on a file system that all nodes share"
    return ConfigError([f"{store.root}: not visible to {nodes}; {fix}"])
