"""The progress of a run, and the base class of the displays that show it."""

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
    """The block in training, and the state of the whole run."""

    cell: Cell
    seeds: tuple[int, ...]
    block: int  # its number, from 1
    blocks: int  # of the run
    step: int  # completed steps of the block
    done: int  # completed steps of all blocks
    total: int  # steps of all blocks
    left: float | None  # estimated seconds until the run ends; None before the first step
    errors: tuple[float, ...] = ()  # the last one of each seed; NaN if the seed diverged
    rate: float | None = None  # episodes per second, over all seeds; None before the first chunk
    length: float | None = None  # mean tokens per answer, if the probe "answer_length" measures it

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens that the policy generates per second of training; None if unknown."""
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
        """Mean error of the seeds that have not diverged; NaN if all have."""
        known = [error for error in self.errors if not math.isnan(error)]
        return sum(known) / len(known) if known else math.nan


class Display:
    """Tracks a run that trains `blocks` with `steps` in total, and shows only warnings, on standard error.

    Subclasses show more.
    """

    def __init__(self, blocks: int, steps: int):
        self.blocks, self.total = blocks, steps
        self.begun = self._done = 0  # blocks that have started or were dropped; steps
        self._trained, self._seconds = 0, 0.0
        self.now: RunStatus | None = None
        self._training = False

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        """Called when training has ended."""

    def run(self, loaded: LoadedConfig, out: Path) -> None:
        """The run starts."""

    def compiling(self, cell: Cell) -> None:
        """The run waits until the program of a cell is compiled."""

    def note(self, text: str) -> None:
        """Information."""

    def warn(self, text: str) -> None:
        """A warning, which every display shows."""
        print_line(make_console(stderr=True), text)

    def block(self, cell: Cell, seeds: Sequence[int], step: int) -> None:
        """A block starts, or resumes from a checkpoint at `step`."""
        self.begun += 1
        self._training = True
        self._done += step
        state = (self.begun, self.blocks, step, self._done, self.total, self._left())
        self.now = RunStatus(cell, tuple(seeds), *state)
        self._show_begin(self.now)

    def advance(
        self, step: int, seconds: float, metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]
    ) -> None:
        """The block is at `step`; the steps since the last call took `seconds` and had these metrics."""
        assert self.now is not None
        errors, lengths = metrics["error"][:, -1], metrics.get("answer_length")
        steps = step - self.now.step
        self._done += steps
        self._trained += steps
        self._seconds += seconds
        self.now = dataclasses.replace(
            self.now,
            step=step,
            errors=tuple(map(float, errors)),
            rate=steps * len(errors) / max(seconds, 1e-9),
            length=None if lengths is None or np.isnan(lengths).all() else float(np.nanmean(lengths)),
            done=self._done,
            left=self._left(),
        )
        self._show_progress(self.now)

    def end(self, seconds: float, diverged: Mapping[str, int]) -> None:
        """The block is stored after `seconds` of training. Warns of `diverged` seeds, with their steps."""
        assert self.now is not None
        self._training = False
        self._show_end(self.now, seconds, diverged)
        for seed, step in diverged.items():
            fault = f"seed {seed} diverged at step {step}: error, loss or state is NaN or infinite"
            fate = "it is frozen from this step on, and the other seeds are not affected"
            self.warn(f"{self.now.cell.label}: {fault}; {fate}")

    def skip(self, cell: Cell, blocks: int) -> None:
        """A cell has failed. Its last `blocks` blocks are dropped, including the one in training."""
        begun = self._training and self.now is not None and self.now.cell.key == cell.key
        self._training = False
        self.begun += blocks - begun
        self.total -= blocks * cell.schedule.steps - (self.now.step if self.now and begun else 0)

    def _left(self) -> float | None:
        return self._seconds / self._trained * (self.total - self._done) if self._trained else None

    def _show_begin(self, now: RunStatus) -> None: ...

    def _show_progress(self, now: RunStatus) -> None: ...

    def _show_end(self, now: RunStatus, seconds: float, diverged: Mapping[str, int]) -> None: ...


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
