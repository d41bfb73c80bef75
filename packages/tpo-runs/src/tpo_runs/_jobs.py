"""What a run has to train: jobs of equal blocks of seeds, each compiled while the one before it trains."""

import importlib
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp

from ._build import build_policy, build_trainer
from ._cells import Cell
from ._custom import resolve, search_paths
from ._devices import let_go_of_programs
from ._specs_objective import CustomSpec
from ._store import Store
from ._train import Program, compile_chunk, initial_state
from ._trainer import Trainer, TrainState

COMPILED_AHEAD = 2
POLL_SECONDS = 0.1


class Job(NamedTuple):
    """Blocks of seeds of one cell that share a compiled program, since they are equally many."""

    cell: Cell
    blocks: tuple[tuple[int, ...], ...]


class Compiled(NamedTuple):
    """A job, ready to run."""

    trainer: Trainer
    program: Program
    start: Callable[[Sequence[int]], TrainState]


def wanted_seeds(cell: Cell) -> range:
    """The seeds that the config asks for."""
    return range(cell.schedule.first_seed, cell.schedule.first_seed + cell.schedule.seeds)


def missing_jobs(cell: Cell, store: Store) -> list[Job]:
    """The seeds that the store lacks, in blocks of neighbours."""
    finished = store.finished_seeds(cell.key)
    missing = [seed for seed in wanted_seeds(cell) if seed not in finished]
    blocks = []
    for _, group in itertools.groupby(enumerate(missing), lambda pair: pair[1] - pair[0]):
        neighbours = [seed for _, seed in group]
        size = cell.schedule.block
        blocks += [tuple(neighbours[i : i + size]) for i in range(0, len(neighbours), size)]
    by_size = itertools.groupby(sorted(blocks, key=len, reverse=True), len)
    return [Job(cell, tuple(group)) for _, group in by_size]


@contextmanager
def compiled_ahead(
    jobs: Iterable[Job], config: Path, poll: Callable[[], None]
) -> Iterator[Iterator[tuple[Job, Future[Compiled]]]]:
    """The jobs, each with a future that is done; two are compiled while one is trained.

    Args:
        jobs: in the order of training.
        config: the config's file, beside which users' own objectives lie.
        poll: called ten times a second while a job's program is waited for; what it raises ends the wait.
    """
    pool = ThreadPoolExecutor(COMPILED_AHEAD)
    try:
        # Loaded while the first job compiles: matplotlib and SciPy take over a second.
        pool.submit(importlib.import_module, "._draw", __package__)
        yield _in_order(iter(jobs), pool, config, poll)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(
    jobs: Iterator[Job], pool: ThreadPoolExecutor, config: Path, poll: Callable[[], None]
) -> Iterator[tuple[Job, Future[Compiled]]]:
    ahead = deque((job, pool.submit(compile_job, job, config)) for job in islice(jobs, COMPILED_AHEAD))
    while ahead:
        job, future = ahead.popleft()
        while not future.done():
            poll()
            _wait(future)
        ahead.extend((job, pool.submit(compile_job, job, config)) for job in islice(jobs, 1))
        yield job, future
        let_go_of_programs()


def _wait(future: Future[Any]) -> None:
    try:
        future.exception(POLL_SECONDS)
    except TimeoutError:
        return


def compile_job(job: Job, config: Path) -> Compiled:
    """Build what trains a job, and compile it."""
    cell = job.cell
    trainer = build_trainer(cell, _custom(cell, config))
    policy = build_policy(cell)

    def start(seeds: Sequence[int]) -> TrainState:
        return initial_state(trainer, policy, jnp.asarray(seeds))

    first = job.blocks[0]
    program = compile_chunk(trainer, start(first), jnp.asarray(first), cell.schedule.steps)
    return Compiled(trainer, program, start)


def _custom(cell: Cell, config: Path) -> Any:
    if not isinstance(cell.objective, CustomSpec):
        return None
    return resolve(cell.objective.kind, cell.objective.keywords, search_paths(config))
