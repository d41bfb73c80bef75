"""The executor that trains in this process: each program is compiled while the one before it is trained."""

import importlib
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from pathlib import Path

from ._block import Surroundings, train_block
from ._checkpoint import CheckpointError
from ._devices import let_go_of_programs
from ._executor import Report, State
from ._failures import told_and_kept
from ._jobs import Block, Compiled, compile_block
from ._storage_error import StorageError

COMPILED_AHEAD = 2
POLL_SECONDS = 0.1


class InProcess:
    """Trains the first of the blocks in its hands whenever it is polled.

    Args:
        config: the config's file, beside which users' own objectives lie.
        around: the run.
    """

    room = 64

    def __init__(self, config: Path, around: Surroundings):
        self._config, self._around = config, around
        self._blocks: deque[Block] = deque()
        self._programs: dict[tuple[str, int], Future[Compiled]] = {}
        self._pool = ThreadPoolExecutor(COMPILED_AHEAD)
        # Loaded while the first program compiles: matplotlib and SciPy take over a second.
        self._pool.submit(importlib.import_module, "._draw", __package__)

    def submit(self, block: Block) -> None:
        """Take it; its program is compiled when it is among the next few."""
        self._blocks.append(block)
        self._compile_ahead()

    def poll(self, seconds: float = 0.0) -> Mapping[str, Report]:
        """Train the next block to its end, for longer than `seconds` if need be.

        Raises:
            StorageError, Stopped: as `train_block`.
        """
        del seconds
        if not self._blocks:
            return {}
        block = self._blocks[0]
        self._compile_ahead()
        try:
            train_block(block, self._compiled(block), self._around)
            report = Report(State.DONE)
        except StorageError:
            raise
        except CheckpointError as error:
            report = Report(State.FAILED, str(error))
        except Exception as error:
            # Whatever it is, a user's objective or too little memory: the other cells go on.
            report = Report(State.FAILED, told_and_kept(error, self._around.store.root, block.cell.key))
        self._blocks.popleft()
        return {block.name: report} | {other.name: Report(State.WAITING) for other in self._blocks}

    def cancel(self, name: str) -> None:
        """Drop it."""
        self._blocks = deque(block for block in self._blocks if block.name != name)

    def close(self) -> None:
        """Nothing runs between two polls but the compiler, which nobody waits for any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _compile_ahead(self) -> None:
        """Compile the programs of the next blocks, and let go of those of earlier ones."""
        following: dict[tuple[str, int], Block] = {}
        for block in self._blocks:
            if len(following) > COMPILED_AHEAD:
                break
            following.setdefault(block.program, block)
        if dropped := [program for program in self._programs if program not in following]:
            for program in dropped:
                del self._programs[program]
            let_go_of_programs()
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
