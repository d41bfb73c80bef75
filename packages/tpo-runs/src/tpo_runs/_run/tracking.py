"""Logging to experiment trackers. A tracker that fails is dropped."""

import functools
import json
import queue
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from .._config import Cell, LoadedConfig, TrackingSpec
from .._files import write_file
from .._store import Store, StoredBlock, by_seed
from .failures import describe_error
from .progress import seed_words
from .tracker import TrackedBlock, Tracker, open_tracker

CLOSING_SECONDS = 60.0
Metrics = Mapping[str, Float[np.ndarray, "seeds steps"]]


class Trackers:
    """The trackers of a run. None of them can stop or slow it down.

    `cells/KEY/tracking/SEEDS/TRACKER.json` records what a tracker has received of a block, so that a resumed
    run sends only new steps. `warn` is called for each tracker that is dropped.
    """

    def __init__(self, spec: TrackingSpec, store: Store, warn: Callable[[str], None]):
        self._spec, self._store, self._warn = spec, store, warn
        self._title = ""
        self._cell: Cell | None = None
        self._seeds: Sequence[int] = ()
        self._senders = [_Sender(name) for name in spec.to]

    def begin_run(self, loaded: LoadedConfig, cells: Iterable[Cell]) -> None:
        """Send the stored blocks of these cells that a tracker has not received yet."""
        self._title = loaded.config.title or loaded.path.stem
        for cell in cells:
            for block in self._store.blocks(cell.key) if self._senders else ():
                directory = self._store.tracking(cell.key, block.seeds)
                if not all(_sent(directory, sender.name)["complete"] for sender in self._senders):
                    self.whole_block(cell, block)

    def whole_block(self, cell: Cell, block: StoredBlock) -> None:
        """Send a stored block."""
        if self._senders:
            self.begin_block(cell, block.seeds)
            self.steps(0, by_seed(block.read().table)[1])
            self.end_block(complete=True)

    def begin_block(self, cell: Cell, seeds: Sequence[int]) -> None:
        """Start a block, to which the following steps belong."""
        if not self._senders:
            return
        self.end_block(complete=False)
        self._cell, self._seeds = cell, list(seeds)
        names = {"title": self._title, "method": cell.method, "point": dict(cell.point), "seeds": self._seeds}
        block = TrackedBlock(
            id=uuid.uuid4().hex[:12],
            cell=cell.label,
            seeds=seed_words(seeds),
            config={**names, "cell": cell.key, **cell.identity()},
            first_step=0,
            project=self._spec.project,
            out=self._store.root,
        )
        self._send(_Sender.begin, block, self._store.tracking(cell.key, seeds))

    def steps(self, start: int, metrics: Metrics) -> None:
        """Log steps of the block, thinned out. `start` is the first step of `metrics`."""
        if self._cell is not None and self._senders:
            stop = start + next(iter(metrics.values())).shape[1]
            due = _due(self._cell, self._spec.points, np.arange(start, stop), metrics)
            rows = {start + i: self._values(metrics, i) for i in np.flatnonzero(due).tolist()}
            self._send(_Sender.log, {step: values for step, values in rows.items() if values}, stop)

    def end_block(self, *, complete: bool) -> None:
        """End the block, which is `complete` if it is stored."""
        if self._cell is not None:
            self._cell = None
            self._send(_Sender.end, complete)

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """End the run. A tracker that does not finish in time is dropped."""
        self.end_block(complete=False)
        for sender in self._senders:
            sender.finish(seconds)
        self._drop_failed()

    def _send(self, call: Callable[..., None], *arguments: Any) -> None:
        for sender in self._senders:
            sender.send(call, *arguments)
        self._drop_failed()

    def _drop_failed(self) -> None:
        for sender in [sender for sender in self._senders if sender.fault]:
            self._senders.remove(sender)
            lost = "the tracker is dropped, the results are intact"
            self._warn(f"tracker {sender.name}: {sender.fault}; {lost}")

    def _values(self, metrics: Metrics, column: int) -> dict[str, float]:
        values = {}
        for name, rows in metrics.items():
            known = {seed: float(x) for seed, x in zip(self._seeds, rows[:, column], strict=True) if x == x}
            if known:
                values[f"{name}/mean"] = sum(known.values()) / len(known)
            if self._spec.seeds:
                values |= {f"{name}/seed_{seed}": value for seed, value in known.items()}
        return values


def _due(cell: Cell, points: int, steps: np.ndarray, metrics: Metrics) -> np.ndarray:
    """The steps to log: the first, the last, evenly spaced ones, and those with an evaluation."""
    every = -(-cell.schedule.steps // points)
    due = (steps == 0) | (steps == cell.schedule.steps - 1) | ((steps + 1) % every == 0)
    for name in cell.evaluation.columns:
        due |= ~np.isnan(metrics[name]).all(axis=0) if name in metrics else False
    return due


def _sent(directory: Path, name: str) -> dict[str, Any]:
    """What a tracker has received of a block: `id`, number of `steps`, and whether it is `complete`."""
    nothing = {"steps": 0, "complete": False}
    try:
        record = json.loads((directory / f"{name}.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return nothing
    known = isinstance(record, dict) and all(type(record.get(key)) is type(x) for key, x in nothing.items())
    return record if known else nothing


class _Sender:
    """Runs a tracker in a thread, because opening and finishing a run can take seconds."""

    def __init__(self, name: str):
        self.name, self.fault = name, ""
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._tracker: Tracker | None = None
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)
        self._thread.start()

    def send(self, call: Callable[..., None], *arguments: Any) -> None:
        self._calls.put(functools.partial(call, self, *arguments))

    def finish(self, seconds: float) -> None:
        self._calls.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.fault = f"did not finish within {seconds:g} s"

    def _work(self) -> None:
        try:
            while call := self._calls.get():
                call()
        # Including SystemExit: a tracker must not end the run.
        except BaseException as error:
            self.fault = describe_error(error)

    def begin(self, block: TrackedBlock, directory: Path) -> None:
        self._sent = {"id": block.id, **_sent(directory, self.name)}
        self._path = directory / f"{self.name}.json"
        if not self._sent["complete"]:
            block = block._replace(id=self._sent["id"], first_step=self._sent["steps"])
            self._tracker = open_tracker(self.name, block)
            self._record()

    def log(self, rows: Mapping[int, Mapping[str, float]], stop: int) -> None:
        if self._tracker is not None and stop > self._sent["steps"]:
            for step, values in rows.items():
                if step >= self._sent["steps"]:
                    self._tracker.log(step, values)
            self._record(steps=stop)

    def end(self, complete: bool) -> None:
        if self._tracker is not None:
            self._tracker.close()
            self._tracker = None
            self._record(complete=complete)

    def _record(self, **changes: Any) -> None:
        self._sent |= changes
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, json.dumps(self._sent).encode())
