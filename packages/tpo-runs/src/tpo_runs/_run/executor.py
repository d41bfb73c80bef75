"""Executors, which train blocks of seeds in this process or on a cluster, and the loop over all blocks."""

import importlib.util
from collections import Counter
from collections.abc import Container, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, runtime_checkable

from .._config import ENGINES, InProcessSpec, RaySpec, SlurmSpec
from .._errors import ConfigError
from .block import RunContext
from .blocks import Block
from .in_process import InProcess
from .on_ray import RayCluster
from .on_slurm import SlurmCluster


@runtime_checkable
class Executor(Protocol):
    """Trains blocks into the store of a run."""

    def train(
        self, blocks: Sequence[Block], failed: Container[str]
    ) -> Generator[tuple[Block, str], None, None]:
        """Train blocks, and yield each when it ends, with an error message or an empty string.

        Args:
            blocks: the blocks.
            failed: keys of failed cells, whose remaining blocks are skipped. The caller adds to it between
                two blocks.

        Raises:
            Stopped: a signal arrived.
            StorageError: a file cannot be written.
        """
        ...

    def close(self) -> None:
        """Release resources."""
        ...


def check_engine(spec: InProcessSpec | RaySpec | SlurmSpec) -> None:
    """Check that the package of an executor is installed.

    Raises:
        ConfigError: it is not; with the command that installs it.
    """
    engine = ENGINES.get(spec.kind)
    if engine and importlib.util.find_spec(engine) is None:
        fix = f"install it with: pip install 'tpo-runs[{spec.kind}]'"
        raise ConfigError([f"[executor] kind = {spec.kind!r} needs {engine}, which is not installed; {fix}"])


def make_executor(
    spec: InProcessSpec | RaySpec | SlurmSpec, config: Path, context: RunContext, *, short: bool
) -> Executor:
    """Make the executor of an `[executor]` table.

    Raises:
        ConfigError: the cluster cannot be reached, lacks a resource, or does not share the store.
    """
    if isinstance(spec, InProcessSpec):
        return InProcess(config, context)
    if isinstance(spec, RaySpec):
        return RayCluster(spec, config, context, short=short)
    return SlurmCluster(spec, config, context, short=short)


def train_all(blocks: Sequence[Block], executor: Executor, context: RunContext) -> list[str]:
    """Train blocks. If one fails, the other blocks of its cell are dropped, and the other cells continue.

    Returns:
        The labels of the cells that failed.

    Raises:
        Stopped: a signal arrived; checkpoints were saved where possible.
        StorageError: a file cannot be written.
    """
    left = Counter(block.cell.key for block in blocks)
    failed: dict[str, str] = {}
    with closing(executor.train(blocks, failed)) as ended:
        for block, failure in ended:
            cell = block.cell
            if failure and cell.key not in failed:
                failed[cell.key] = cell.label
                kept = "; its earlier results are kept" if cell.key in context.replacement else ""
                context.reporter.warn(f"{cell.label}: failed: {failure}{kept}")
                context.reporter.skip(cell, left[cell.key])
            left[cell.key] -= 1
    return list(failed.values())
