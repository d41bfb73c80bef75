"""The executor of a run, which trains its blocks in this process or on a cluster."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from .._config import InProcessSpec, RaySpec, SlurmSpec
from .block import RunContext
from .blocks import Block
from .cluster import AbstractCluster
from .in_process import InProcess
from .on_ray import RayCluster
from .on_slurm import SlurmCluster

Executor = InProcess | AbstractCluster


def make_executor(
    spec: InProcessSpec | RaySpec | SlurmSpec, config: Path, context: RunContext, *, short: bool
) -> Executor:
    """Make the executor of an `[executor]` table."""
    if isinstance(spec, InProcessSpec):
        return InProcess(config, context)
    if isinstance(spec, RaySpec):
        return RayCluster(spec, config, context, short=short)
    return SlurmCluster(spec, config, context, short=short)


def train_all(blocks: Sequence[Block], executor: Executor, context: RunContext) -> list[str]:
    """Train blocks, and return the labels of the cells that failed.

    If a block fails, the other blocks of its cell are dropped, and the other cells continue.
    """
    remaining = Counter(block.cell.key for block in blocks)
    failed: dict[str, str] = {}
    with closing(executor.train(blocks, failed)) as ended:
        for block, failure in ended:
            cell = block.cell
            if failure and cell.key not in failed:
                failed[cell.key] = cell.label
                kept = "; its earlier results are kept" if cell.key in context.replacement else ""
                context.display.warn(f"{cell.label}: failed: {failure}{kept}")
                context.display.skip(cell, remaining[cell.key])
            remaining[cell.key] -= 1
    return list(failed.values())
