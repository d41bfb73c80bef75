"""Tells trackers of a run from its local results, in threads of their own, and drops those that fail."""

import json
import queue
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ._cells import Cell
from ._failures import told
from ._integrity import write_file
from ._load import LoadedConfig
from ._metrics_file import by_seed
from ._progress import seed_words
from ._specs import effective
from ._specs_tracking import TrackingSpec
from ._store import Store
from ._stored_block import StoredBlock
from ._tracker import Row, TrackedBlock, TrackedRun, Tracker, make_tracker

CLOSING_SECONDS = 60.0
_Call = tuple[Callable[..., None], tuple[Any, ...]]


class Trackers:
    """All trackers of a run. Nothing that they do, or fail to do, reaches the training.

    What was sent of a block is recorded beside it in the store, `cells/KEY/tracking/SEEDS/TRACKER.json`, so
    that a run that goes on sends only what is new.

    Args:
        spec: which trackers.
        store: the results.
        warn: told once of each tracker that is dropped.
        make: makes a tracker of its name; by default `make_tracker`.
    """

    def __init__(
        self,
        spec: TrackingSpec,
        store: Store,
        warn: Callable[[str], None],
        make: Callable[[str], Tracker] | None = None,
    ):
        self._spec, self._store, self._warn = spec, store, warn
        self._workers = [_Worker(name, make or make_tracker) for name in spec.to]
        self._block: _Block | None = None

    def __bool__(self) -> bool:
        return any(worker.alive for worker in self._workers)

    def begin_run(self, loaded: LoadedConfig) -> None:
        """The run begins; blocks that are complete in the store are sent where they were not yet."""
        config = effective(loaded.config)
        title = loaded.config.title or loaded.path.stem
        run = TrackedRun(title, self._spec.project, self._store.root, config)
        self._tell(_Worker.begin_run, run)
        for cell in {cell.key: cell for cell in loaded.cells}.values():
            for block in self._store.blocks(cell.key) if self else ():
                if self._is_new(cell, block.seeds):
                    self.whole_block(cell, block)

    def whole_block(self, cell: Cell, block: StoredBlock) -> None:
        """All steps of a finished block, from the store."""
        self.begin_block(cell, block.seeds)
        self.steps(0, by_seed(block.read().table)[1])
        self.end_block(complete=True)

    def _is_new(self, cell: Cell, seeds: Sequence[int]) -> bool:
        directory = self._store.tracking(cell.key, seeds)
        return any(not sent_of(directory, worker.name)["complete"] for worker in self._workers)

    def begin_block(self, cell: Cell, seeds: Sequence[int]) -> None:
        """Steps of this block follow, from its first on."""
        if not self:
            return
        self.end_block(complete=False)
        self._block = _Block(cell, seeds, self._spec)
        directory = self._store.tracking(cell.key, seeds)
        self._tell(_Worker.begin_block, self._block, directory)

    def steps(self, start: int, metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]) -> None:
        """Steps of the block, from `start` on, as they are kept."""
        if self._block is not None and self:
            rows = self._block.rows(start, metrics)
            stop = start + next(iter(metrics.values())).shape[1]
            self._tell(_Worker.log, rows, stop)

    def end_block(self, *, complete: bool) -> None:
        """The block is stored, or its training ends before that."""
        if self._block is not None:
            self._block = None
            self._tell(_Worker.end_block, complete)

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """The run ends. A tracker that does not finish in time is left behind."""
        self.end_block(complete=False)
        self._tell(_Worker.end_run)
        for worker in self._workers:
            worker.close(seconds)
        self._report()

    def _tell(self, call: Callable[..., None], *arguments: Any) -> None:
        for worker in self._workers:
            worker.tell(call, *arguments)
        self._report()

    def _report(self) -> None:
        for worker in self._workers:
            if worker.fault and not worker.reported:
                worker.reported = True
                fate = "it is told no more, and the results are intact"
                self._warn(f"tracker {worker.name}: {worker.fault}; {fate}")


def sent_of(directory: Path, name: str) -> dict[str, Any]:
    """What a tracker was sent of a block: its `id`, how many `steps`, and whether it is `complete`."""
    anew = {"id": uuid.uuid4().hex[:12], "steps": 0, "complete": False}
    try:
        record = json.loads((directory / f"{name}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return anew
    known = isinstance(record, dict) and all(type(record.get(key)) is type(x) for key, x in anew.items())
    return record if known else anew


class _Block:
    """A block of seeds, and which of its values are sent."""

    def __init__(self, cell: Cell, seeds: Sequence[int], spec: TrackingSpec):
        self.cell, self.seeds, self._spec = cell, list(seeds), spec
        self._every = -(-cell.schedule.steps // spec.points)

    @property
    def config(self) -> dict[str, Any]:
        names = {"method": self.cell.method, "point": dict(self.cell.point), "seeds": self.seeds}
        return {**names, "cell": self.cell.key, **self.cell.identity()}

    def rows(self, start: int, metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]) -> list[Row]:
        """Every so many steps, the first, the last, and those of evaluations."""
        length = next(iter(metrics.values())).shape[1]
        rare = [metrics[name] for name in self.cell.evaluation.columns if name in metrics]
        evaluated = np.any([~np.isnan(values).all(axis=0) for values in rare], axis=0) if rare else None
        rows = []
        for column in range(length):
            step = start + column
            ends = step in (0, self.cell.schedule.steps - 1)
            due = ends or (step + 1) % self._every == 0 or (evaluated is not None and evaluated[column])
            if due and (values := self._values(metrics, column)):
                rows.append((step, values))
        return rows

    def _values(self, metrics: Mapping[str, np.ndarray], column: int) -> dict[str, float]:
        values = {}
        for name, every in metrics.items():
            known = {seed: float(x) for seed, x in zip(self.seeds, every[:, column], strict=True) if x == x}
            if known:
                values[f"{name}/mean"] = sum(known.values()) / len(known)
            if self._spec.seeds:
                values |= {f"{name}/seed_{seed}": value for seed, value in known.items()}
        return values


class _Worker:
    """One tracker in a thread of its own, so that training never waits for it."""

    def __init__(self, name: str, make: Callable[[str], Tracker]):
        self.name, self.fault, self.reported = name, "", False
        self._make = make
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._path: Path | None = None
        self._sent: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return not self.fault

    def tell(self, call: Callable[..., None], *arguments: Any) -> None:
        """Have the thread call one of the methods below."""
        if self.alive:
            self._calls.put((call, arguments))

    def close(self, seconds: float) -> None:
        self._calls.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.fault = f"did not finish within {seconds:g} s"

    def _work(self) -> None:
        try:
            self._tracker = self._make(self.name)
            while (item := self._calls.get()) is not None:
                call, arguments = item
                call(self, *arguments)
        # Also what would end a program, such as SystemExit: it comes from a library that is only a listener.
        except BaseException as error:
            self.fault = told(error)

    def begin_run(self, run: TrackedRun) -> None:
        self._tracker.begin_run(run)

    def begin_block(self, block: _Block, directory: Path) -> None:
        self._sent = sent_of(directory, self.name)
        self._path = None if self._sent["complete"] else directory / f"{self.name}.json"
        if self._path is not None:
            seeds = seed_words(block.seeds)
            what = TrackedBlock(self._sent["id"], block.cell.label, seeds, block.config, self._sent["steps"])
            self._tracker.begin_block(what)
            self._record()

    def log(self, rows: Iterable[Row], stop: int) -> None:
        if self._path is None or stop <= self._sent["steps"]:
            return
        if new := [(step, values) for step, values in rows if step >= self._sent["steps"]]:
            self._tracker.log(new)
        self._sent["steps"] = stop
        self._record()

    def end_block(self, complete: bool) -> None:
        if self._path is not None:
            self._tracker.end_block()
            self._sent["complete"] = complete
            self._record()

    def end_run(self) -> None:
        self._tracker.end_run()

    def _record(self) -> None:
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, json.dumps(self._sent).encode())
