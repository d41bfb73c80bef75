"""The progress of a run, and the interface of the displays that show it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from .._config import Cell, LoadedConfig
from .._console import make_console, print_line


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """The block in training, and the state of the whole run.

    Args:
        cell: the cell.
        seeds: the seeds of the block.
        block: number of the block, from 1.
        blocks: number of blocks that the run trains.
        step: completed steps of the block.
        done: completed steps of all blocks of the run.
        total: total steps of all blocks of the run.
        left: estimated seconds until the run ends; None before the first step.
        errors: last error of each seed; NaN if the seed diverged.
        rate: episodes per second, over all seeds of the block; None before the first chunk.
        length: mean tokens of an answer, if the probe "answer_length" measures it.
    """

    cell: Cell
    seeds: tuple[int, ...]
    block: int
    blocks: int
    step: int
    done: int
    total: int
    left: float | None
    errors: tuple[float, ...] = ()
    rate: float | None = None
    length: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens that the policy writes in a second of sampling and training; None if it is not known."""
        if self.length is None or self.rate is None:
            return None
        rollout = self.cell.rollout
        return self.rate * self.length * getattr(rollout, "prompts", 1) * getattr(rollout, "candidates", 1)

    @property
    def steps(self) -> int:
        """Total steps of the block."""
        return self.cell.schedule.steps

    @property
    def error(self) -> float:
        """Mean error of the seeds that have one; NaN if none has."""
        known = [error for error in self.errors if not math.isnan(error)]
        return sum(known) / len(known) if known else math.nan


class Display:
    """Shows only warnings, on standard error. Subclasses show more."""

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        """Called when training has ended."""

    def run(self, loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> None:
        """The run starts. It trains this many blocks and steps."""

    def compiling(self, label: str) -> None:
        """The run waits until the program of a cell is compiled."""

    def begin(self, now: RunStatus) -> None:
        """A block starts, or resumes from a checkpoint."""

    def advance(self, now: RunStatus) -> None:
        """Another chunk of steps is complete."""

    def end(self, now: RunStatus, seconds: float, diverged: Mapping[str, int]) -> None:
        """A block is stored after `seconds` of training; `diverged` maps seeds to steps."""

    def note(self, text: str) -> None:
        """Information."""

    def warn(self, text: str) -> None:
        """A warning, which every display shows."""
        print_line(make_console(stderr=True), text)


class Reporter:
    """Tracks the progress of a run and passes it to a display.

    Args:
        display: the display.
        blocks: number of blocks to train.
        steps: their total number of steps.

    `begun` counts the blocks that have started or were dropped.
    """

    def __init__(self, display: Display, blocks: int, steps: int):
        self._display = display
        self.note, self.warn = display.note, display.warn
        self._blocks, self._total = blocks, steps
        self.begun = self._done = 0
        self._trained, self._seconds = 0, 0.0
        self._now: RunStatus | None = None
        self._training = False

    def run(self, loaded: LoadedConfig, out: Path) -> None:
        """The run starts."""
        self._display.run(loaded, out, self._blocks, self._total)

    def compiling(self, cell: Cell) -> None:
        """The run waits until the program of a cell is compiled."""
        self._display.compiling(cell.label)

    def block(self, cell: Cell, seeds: Sequence[int], step: int) -> None:
        """A block starts, or resumes from a checkpoint at `step`."""
        self.begun += 1
        self._training = True
        self._done += step
        self._now = RunStatus(
            cell=cell,
            seeds=tuple(seeds),
            block=self.begun,
            blocks=self._blocks,
            step=step,
            done=self._done,
            total=self._total,
            left=self._left(),
        )
        self._display.begin(self._now)

    def advance(
        self, step: int, seconds: float, metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]
    ) -> None:
        """The block is at `step`; the steps since the last call took `seconds` and had these metrics."""
        assert self._now is not None
        errors, lengths = metrics["error"][:, -1], metrics.get("answer_length")
        steps = step - self._now.step
        self._done += steps
        self._trained += steps
        self._seconds += seconds
        self._now = dataclasses.replace(
            self._now,
            step=step,
            errors=tuple(map(float, errors)),
            rate=steps * len(errors) / max(seconds, 1e-9),
            length=None if lengths is None or np.isnan(lengths).all() else float(np.nanmean(lengths)),
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
        """A cell has failed. Its last `blocks` blocks are dropped, including the one in training."""
        begun = self._training and self._now is not None and self._now.cell.key == cell.key
        self._training = False
        self.begun += blocks - begun
        self._total -= blocks * cell.schedule.steps - (self._now.step if self._now and begun else 0)

    def _left(self) -> float | None:
        return self._seconds / self._trained * (self._total - self._done) if self._trained else None


def seed_words(seeds: Sequence[int]) -> str:
    """Format a range of seeds.

    >>> seed_words([3]), seed_words([0, 1, 2])
    ('seed 3', 'seeds 0 to 2')
    """
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def duration(seconds: float) -> str:
    """Format a time span.

    >>> duration(0.4), duration(75.0), duration(600.0), duration(8000.0)
    ('0.4 s', '75 s', '10 min', '2 h 13 min')
    """
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
