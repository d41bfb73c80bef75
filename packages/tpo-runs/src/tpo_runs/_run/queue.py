"""Training all blocks of a run."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing

from .block import Surroundings
from .blocks import Block
from .executor import Executor


def train_all(blocks: Sequence[Block], executor: Executor, around: Surroundings) -> list[str]:
    """Train the blocks. When one fails, the rest of its cell is dropped, and the other cells go on.

    Returns:
        The labels of the cells that failed.

    Raises:
        Stopped: a signal arrived; a checkpoint is saved where possible.
        StorageError: the disk does not take what has to be kept.
    """
    left = Counter(block.cell.key for block in blocks)
    failed: dict[str, str] = {}
    with closing(executor.train(blocks, failed)) as ended:
        for block, failure in ended:
            cell = block.cell
            if failure and cell.key not in failed:
                failed[cell.key] = cell.label
                stays = "; its earlier results are kept" if cell.key in around.replacement else ""
                around.reporter.warn(f"{cell.label}: failed: {failure}{stays}")
                around.reporter.skip(cell, left[cell.key])
            left[cell.key] -= 1
    return list(failed.values())
