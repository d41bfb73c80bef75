"""What executors share whose workers are other processes: orders and results go through the store."""

import abc
import time
from collections.abc import Mapping
from pathlib import Path

from ._block import Surroundings, warn_of_lost_seeds
from ._config_error import ConfigError
from ._executor import Report, State
from ._jobs import Block
from ._metrics_file import by_seed
from ._orders import Order, Orders
from ._stored_block import StoredBlock

# How long workers have to save a checkpoint when a run ends before them.
GRACE_SECONDS = 30.0


class AbstractRemote(abc.ABC):
    """Hands blocks to an engine as orders.

    Args:
        orders: those of the run.
        config: the config's file.
        around: the run.
        room: how many blocks the engine is told of at a time.
        cpus: cores of a block.
        short: whether compiling counts for more than training.
    """

    def __init__(
        self, orders: Orders, config: Path, around: Surroundings, *, room: int, cpus: int, short: bool
    ):
        self.orders, self.room = orders, room
        self._config, self._around, self._cpus, self._short = config, around, cpus, short
        self._blocks: dict[str, Block] = {}
        self._lost = False
        self._last = time.monotonic()

    @abc.abstractmethod
    def _send(self, order: Order) -> None:
        """Hand an order to the engine."""

    @abc.abstractmethod
    def _ended(self, seconds: float) -> Mapping[str, str]:
        """The orders that the engine is through with, and in words what became of them where it knows.

        Waits up to `seconds` for one; each is told once.
        """

    @abc.abstractmethod
    def _drop(self, name: str) -> None:
        """Have the engine forget an order, or kill its worker."""

    @abc.abstractmethod
    def _leave(self) -> None:
        """Let go of the engine."""

    def submit(self, block: Block) -> None:
        """Order it."""
        self._blocks[block.name] = block
        self._send(self.orders.give(block, self._config, cpus=self._cpus, short=self._short))

    def poll(self, seconds: float) -> Mapping[str, Report]:
        """The states of all blocks; those that are done are told to the display and the trackers."""
        reports = {name: self._settle(name, words) for name, words in self._ended(seconds).items()}
        for name in self._blocks:
            reports[name] = Report(State.RUNNING if self.orders.started(name) else State.WAITING)
        return reports

    def cancel(self, name: str) -> None:
        """Withdraw the order, and have the engine drop it."""
        self.orders.withdraw(name)
        self._drop(name)
        self._blocks.pop(name, None)

    def close(self) -> None:
        """Withdraw all orders, so that workers save what they have; drop those that do not in time."""
        left = set(self._blocks)
        for name in left:
            self.orders.withdraw(name)
        until = time.monotonic() + GRACE_SECONDS
        while left and time.monotonic() < until:
            left -= set(self._ended(0.2))
        for name in left:
            self._drop(name)
        self._leave()
        self.orders.end(keep=self._lost)

    def _settle(self, name: str, words: str) -> Report:
        block = self._blocks.pop(name)
        failure = self.orders.failure(name)
        self.orders.withdraw(name)
        stored = self._around.store.block(block.cell.key, block.seeds)
        if stored is not None:
            return self._tell(block, stored)
        if not failure:
            self._lost = True
        return Report(State.FAILED, failure or words or "its worker ended without a word")

    def _tell(self, block: Block, stored: StoredBlock) -> Report:
        try:
            content = stored.read()
        except ConfigError as error:
            return Report(State.FAILED, "; ".join(error.lines))
        cell, reporter, now = block.cell, self._around.reporter, time.monotonic()
        steps, diverged = cell.schedule.steps, content.provenance["diverged"]
        errors = by_seed(content.table)[1]["error"][:, -1]
        reporter.block(cell, block.seeds, 0)
        reporter.advance(steps, steps, now - self._last, errors)
        reporter.end(content.timing["seconds"], diverged)
        self._last = now
        warn_of_lost_seeds(cell, diverged, reporter)
        self._around.trackers.whole_block(cell, stored)
        return Report(State.DONE)
