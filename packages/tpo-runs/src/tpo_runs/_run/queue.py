"""Training all blocks of a run."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing

from .block import RunContext
from .blocks import Block
from .executor import Executor


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
