"""How far a run is: what its display is told while it trains."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from .._config import Cell, LoadedConfig


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Args:
        label: the cell in words.
        key: the cell's name in the store.
        method: name of the method.
        point: the grid point.
        seeds: those of the block in training.
        block: its number, from 1.
        blocks: how many the run trains.
        step: steps of it that are done.
        steps: how many it trains.
        errors: the last error of each seed, NaN where lost.
        rate: episodes a second, over all seeds of the block; None before the first.
        done: steps of the run that are done, of all blocks.
        total: how many it trains.
        left: seconds until the end, as it looks; None before the first step.
    """

    label: str
    key: str
    method: str
    point: Mapping[str, Any]
    seeds: tuple[int, ...]
    block: int
    blocks: int
    step: int
    steps: int
    errors: tuple[float, ...] = ()
    rate: float | None = None
    done: int = 0
    total: int = 0
    left: float | None = None

    @property
    def error(self) -> float:
        """The mean of the errors of the seeds that have one; NaN without any."""
        known = [error for error in self.errors if not math.isnan(error)]
        return sum(known) / len(known) if known else math.nan


@runtime_checkable
class Display(Protocol):
    """What shows a run."""

    def __enter__(self) -> Any:
        """The run begins."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The training has ended."""
        ...

    def run(self, loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> None:
        """What the run is, and how many blocks and steps it trains."""
        ...

    def compiling(self, label: str) -> None:
        """A cell's program is waited for."""
        ...

    def begin(self, now: Standing) -> None:
        """A block of seeds begins, or goes on from where an earlier run left it."""
        ...

    def advance(self, now: Standing) -> None:
        """Another chunk of steps is done."""
        ...

    def end(self, now: Standing, seconds: float, diverged: Mapping[str, int]) -> None:
        """A block is stored, after `seconds` of training; some seeds diverged, at these steps."""
        ...

    def note(self, text: str) -> None:
        """Something to know."""
        ...

    def warn(self, text: str) -> None:
        """Something that is shown also where nothing else is."""
        ...


class Reporter:
    """Keeps the standing of a run, and tells it to a display.

    Args:
        display: who shows it.
        blocks: how many are trained.
        steps: how many they have together.

    `begun` counts the blocks that have begun, or never will.
    """

    def __init__(self, display: Display, blocks: int, steps: int):
        self._display = display
        self._blocks, self._total = blocks, steps
        self.begun = self._done = 0
        self._trained, self._seconds = 0, 0.0
        self._now: Standing | None = None
        self._training = False

    def run(self, loaded: LoadedConfig, out: Path) -> None:
        """The run begins."""
        self._display.run(loaded, out, self._blocks, self._total)

    def compiling(self, cell: Cell) -> None:
        """The cell's program is waited for."""
        self._display.compiling(cell.label)

    def block(self, cell: Cell, seeds: Sequence[int], step: int) -> None:
        """A block of seeds begins; `step` is above 0 where an earlier run has reached it."""
        self.begun += 1
        self._training = True
        self._done += step
        self._now = Standing(
            label=cell.label,
            key=cell.key,
            method=cell.method,
            point=cell.point,
            seeds=tuple(seeds),
            block=self.begun,
            blocks=self._blocks,
            step=step,
            steps=cell.schedule.steps,
            done=self._done,
            total=self._total,
            left=self._left(),
        )
        self._display.begin(self._now)

    def advance(self, steps: int, step: int, seconds: float, errors: Float[np.ndarray, " seeds"]) -> None:
        """Another `steps` steps took `seconds`; the block stands at `step` with these errors."""
        assert self._now is not None
        self._done += steps
        self._trained += steps
        self._seconds += seconds
        self._now = dataclasses.replace(
            self._now,
            step=step,
            errors=tuple(map(float, errors)),
            rate=steps * len(errors) / max(seconds, 1e-9),
            done=self._done,
            left=self._left(),
        )
        self._display.advance(self._now)

    def end(self, seconds: float, diverged: Mapping[str, int]) -> None:
        """The block is stored."""
        assert self._now is not None
        self._training = False
        self._display.end(self._now, seconds, diverged)

    def skip(self, cell: Cell, blocks: int) -> None:
        """A cell has failed, and its last `blocks` blocks are given up, that in training among them."""
        begun = self._training and self._now is not None and self._now.key == cell.key
        self._training = False
        self.begun += blocks - begun
        self._total -= blocks * cell.schedule.steps - (self._now.step if self._now and begun else 0)

    def note(self, text: str) -> None:
        """Something to know."""
        self._display.note(text)

    def warn(self, text: str) -> None:
        """Something that is shown also where nothing else is."""
        self._display.warn(text)

    def _left(self) -> float | None:
        return self._seconds / self._trained * (self._total - self._done) if self._trained else None


def seed_words(seeds: Sequence[int]) -> str:
    """Neighbouring seeds in words.

    >>> seed_words([3]), seed_words([0, 1, 2])
    ('seed 3', 'seeds 0 to 2')
    """
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def duration(seconds: float) -> str:
    """A time span in words.

    >>> duration(0.4), duration(75.0), duration(600.0), duration(8000.0)
    ('0.4 s', '75 s', '10 min', '2 h 13 min')
    """
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
