"""The executor that trains in this process, and compiles the next programs meanwhile."""

import importlib
from collections import deque
from collections.abc import Container, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from itertools import islice
from pathlib import Path

from .._errors import StorageError
from .block import Surroundings, train_block
from .block_lock import block_lock
from .blocks import Block, Compiled, compile_block
from .checkpoint import CheckpointError
from .cluster import show_stored
from .devices import drop_programs
from .failures import keep_traceback

COMPILED_AHEAD = 2
# How many blocks to search for the next programs.
LOOK_AHEAD = 64
POLL_SECONDS = 0.1


class InProcess:
    """Trains one block after another.

    Args:
        config: path of the config; objectives of the user may lie beside it.
        around: what the blocks of the run share.
    """

    def __init__(self, config: Path, around: Surroundings):
        self._config, self._around = config, around
        self._programs: dict[tuple[str, int], Future[Compiled]] = {}
        self._pool = ThreadPoolExecutor(COMPILED_AHEAD)
        # Loaded while the first program compiles: matplotlib and SciPy take over a second.
        self._pool.submit(importlib.import_module, "tpo_runs._publish")

    def train(
        self, blocks: Sequence[Block], failed: Container[str]
    ) -> Generator[tuple[Block, str], None, None]:
        """As `Executor.train`."""
        waiting = deque(blocks)
        while waiting:
            if waiting[0].cell.key not in failed:
                self._compile_ahead(waiting, failed)
                yield waiting[0], self._train(waiting[0])
            waiting.popleft()

    def close(self) -> None:
        """Abandon what still compiles."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _train(self, block: Block) -> str:
        around = self._around
        try:
            compiled = self._compiled(block)
            around.replacement.start(block.cell.key)
            with block_lock(block, around.store, around.stop):
                stored = around.store.block(block.cell.key, block.seeds)
                if stored is not None:
                    # A worker that an earlier run left behind has trained it in the meantime.
                    return show_stored(block, stored, around, stored.timing()["seconds"])
                train_block(block, compiled, around)
        except StorageError:
            raise
        except CheckpointError as error:
            return str(error)
        except Exception as error:
            # Whatever it is, a user's objective or too little memory: the other cells go on.
            return keep_traceback(error, around.store.root, block.cell.key)
        return ""

    def _compile_ahead(self, waiting: deque[Block], failed: Container[str]) -> None:
        """Compile the programs of the next blocks, and forget earlier ones."""
        following: dict[tuple[str, int], Block] = {}
        for block in islice(waiting, LOOK_AHEAD):
            if len(following) > COMPILED_AHEAD:
                break
            if block.cell.key not in failed:
                following.setdefault(block.program, block)
        if dropped := [program for program in self._programs if program not in following]:
            for program in dropped:
                del self._programs[program]
            drop_programs()
        for program, block in following.items():
            if program not in self._programs:
                self._programs[program] = self._pool.submit(compile_block, block, self._config)

    def _compiled(self, block: Block) -> Compiled:
        future = self._programs[block.program]
        if not future.done():
            self._around.reporter.compiling(block.cell)
        while not future.done():
            self._around.stop.check()
            try:
                future.exception(POLL_SECONDS)
            except TimeoutError:
                continue
        return future.result()
