"""The executor that trains in this process, and compiles the next programs at the same time."""

import importlib
from collections import deque
from collections.abc import Container, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from itertools import islice
from pathlib import Path

from .._errors import StorageError
from .block import RunContext, train_block
from .blocks import Block, Compiled, block_lock, compile_block
from .checkpoint import CheckpointError
from .cluster import Ended, show_stored
from .devices import drop_programs
from .failures import keep_traceback

COMPILED_AHEAD = 2
# Number of blocks that are searched for the next programs.
LOOK_AHEAD = 64
POLL_SECONDS = 0.1


class InProcess:
    """Trains one block after another."""

    def __init__(self, config: Path, context: RunContext):
        self._config, self._context = config, context
        self._programs: dict[tuple[str, int], Future[Compiled]] = {}
        self._pool = ThreadPoolExecutor(COMPILED_AHEAD)
        # Matplotlib and SciPy take over a second; import them while the first program compiles.
        self._pool.submit(importlib.import_module, "tpo_runs._publish")

    def train(self, blocks: Sequence[Block], failed: Container[str]) -> Ended:
        """See `AbstractCluster.train`."""
        waiting = deque(blocks)
        while waiting:
            if waiting[0].cell.key not in failed:
                self._compile_ahead(waiting, failed)
                yield waiting[0], self._train(waiting[0])
            waiting.popleft()

    def close(self) -> None:
        """Cancel compilations that have not started."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _train(self, block: Block) -> str:
        context = self._context
        try:
            compiled = self._compiled(block).for_cell(block.cell)
            context.replacement.start(block.cell.key)
            with block_lock(block, context.store, context.stop):
                stored = context.store.block(block.cell.key, block.seeds)
                if stored is not None:
                    # Meanwhile, a worker of an earlier run has trained it.
                    return show_stored(block, stored, context, stored.timing()["seconds"])
                train_block(block, compiled, context)
        except StorageError:
            raise
        except CheckpointError as error:
            return str(error)
        except Exception as error:
            # For example an error in a custom objective, or too little memory. The other cells continue.
            return keep_traceback(error, context.store, block.cell.key)
        return ""

    def _compile_ahead(self, waiting: deque[Block], failed: Container[str]) -> None:
        """Start to compile the programs of the next blocks, and drop earlier ones."""
        following: dict[tuple[str, int], Block] = {}
        for block in islice(waiting, LOOK_AHEAD):
            if len(following) > COMPILED_AHEAD:
                break
            if block.cell.key not in failed:
                following.setdefault(block.program, block)
        if dropped := self._programs.keys() - following.keys():
            for program in dropped:
                del self._programs[program]
            drop_programs()
        for program, block in following.items():
            if program not in self._programs:
                self._programs[program] = self._pool.submit(compile_block, block, self._config)

    def _compiled(self, block: Block) -> Compiled:
        future = self._programs[block.program]
        if not future.done():
            self._context.display.compiling(block.cell)
        while not future.done():
            self._context.stop.check()
            try:
                future.exception(POLL_SECONDS)
            except TimeoutError:
                continue
        return future.result()
