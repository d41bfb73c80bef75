"""Blocks of seeds, and the compiled programs that train them."""

import itertools
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp

from .._config import Cell, CustomSpec, resolve, search_paths
from .._learn import Program, Trainer, TrainState, compile_chunk, initial_state
from .._store import block_name
from .build import build_policy, build_trainer


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
        return self.cell.key, len(self.seeds)


class Compiled(NamedTuple):
    """A compiled program, and the function that makes initial states for it."""

    trainer: Trainer
    program: Program
    start: Callable[[Sequence[int]], TrainState]


def blocks_of(cell: Cell, finished: Set[int] = frozenset()) -> list[Block]:
    """The seeds of a cell that are not finished, in blocks of consecutive seeds, the largest first."""
    missing = [seed for seed in cell.seeds if seed not in finished]
    blocks = []
    for _, group in itertools.groupby(enumerate(missing), lambda pair: pair[1] - pair[0]):
        consecutive = [seed for _, seed in group]
        size = cell.schedule.block
        blocks += [tuple(consecutive[i : i + size]) for i in range(0, len(consecutive), size)]
    return [Block(cell, seeds) for seeds in sorted(blocks, key=len, reverse=True)]


def compile_block(block: Block, config: Path) -> Compiled:
    """Compile the program that trains a block. Thread-safe.

    Args:
        block: any of the blocks that share the program.
        config: path of the config; custom objectives may be beside it.
    """
    cell = block.cell
    trainer = build_trainer(cell, _custom(cell, config))
    policy = build_policy(cell)

    def start(seeds: Sequence[int]) -> TrainState:
        return initial_state(trainer, policy, jnp.asarray(seeds))

    program = compile_chunk(trainer, start(block.seeds), jnp.asarray(block.seeds), cell.schedule.steps)
    return Compiled(trainer, program, start)


def _custom(cell: Cell, config: Path) -> Any:
    if not isinstance(cell.objective, CustomSpec):
        return None
    return resolve(cell.objective.kind, cell.objective.keywords, search_paths(config))
