"""Training all blocks of a run: handed to an executor as it has room, and told of as they end."""

from collections import deque
from collections.abc import Sequence

from ._block import Surroundings
from ._executor import Executor, State
from ._jobs import Block

POLL_SECONDS = 0.5


def train_all(blocks: Sequence[Block], executor: Executor, around: Surroundings) -> list[str]:
    """Train the blocks; a cell of which one has failed is given up, and the others go on.

    Returns:
        The labels of the cells that failed.

    Raises:
        Stopped: a signal has arrived; what can be saved is.
        StorageError: the disk does not take what has to be kept.
    """
    waiting, submitted, failed = deque(blocks), dict[str, Block](), dict[str, str]()
    while waiting or submitted:
        while waiting and len(submitted) < executor.room:
            block = waiting.popleft()
            submitted[block.name] = block
            executor.submit(block)
        around.stop.check()
        for name, (state, words) in executor.poll(POLL_SECONDS).items():
            if not state.ended or name not in submitted:
                continue
            block = submitted.pop(name)
            if state is State.FAILED and block.cell.key not in failed:
                failed[block.cell.key] = block.cell.label
                around.reporter.warn(f"{block.cell.label}: failed: {words}")
                around.reporter.skip(block.cell, 1 + _give_up(block, waiting, submitted, executor))
    return list(failed.values())


def _give_up(failed: Block, waiting: deque[Block], submitted: dict[str, Block], executor: Executor) -> int:
    """Take the other blocks of a failed one's cell out of the run; how many they were."""
    key = failed.cell.key
    running = [name for name, block in submitted.items() if block.cell.key == key]
    for name in running:
        executor.cancel(name)
        del submitted[name]
    kept = [block for block in waiting if block.cell.key != key]
    given_up = len(running) + len(waiting) - len(kept)
    waiting.clear()
    waiting.extend(kept)
    return given_up
