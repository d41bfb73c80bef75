"""What a run shows while it trains: a live bar on a terminal, plain lines elsewhere."""

import math
import time
from types import TracebackType

import numpy as np
from jaxtyping import Float
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_SECONDS = 20.0


class Reporter:
    """Tells how far a run is.

    Args:
        console: where to write.
        total: training steps of the run, over all blocks of seeds.
        quiet: write nothing.
    """

    def __init__(self, console: Console, total: int, *, quiet: bool = False):
        self._console = console
        self._total = total
        self._done = self._done_before = 0
        self._quiet = quiet
        self._began = self._last_line = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("compiling", total=total)

    def __enter__(self) -> "Reporter":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def block(self, label: str) -> None:
        """A block of seeds begins."""
        self._label = label
        self._bar.update(self._task, description=f"{label}, compiling")
        self._plain(f"{label}: compiling", now=True)

    def resume(self, step: int) -> None:
        """The block goes on from `step`, which an earlier run has reached."""
        self._done += step
        self._done_before += step
        self._bar.update(self._task, advance=step)
        self.note(f"{self._label}: goes on from step {step}")

    def advance(self, steps: int, step: int, errors: Float[np.ndarray, " seeds"]) -> None:
        """Another `steps` steps are done; the block stands at `step` with these errors, NaN where lost."""
        self._done += steps
        known = errors[~np.isnan(errors)]
        error = float(known.mean()) if known.size else math.nan
        self._bar.update(self._task, advance=steps, description=f"{self._label}, error {error:.3f}")
        left = (time.monotonic() - self._began) / (self._done - self._done_before)
        left *= self._total - self._done
        self._plain(
            f"{self._label}: step {step}, error {error:.3f}, {self._done}/{self._total} steps of the run, "
            f"about {left:.0f} s left"
        )

    def note(self, text: str) -> None:
        """A line that stays."""
        if not self._quiet:
            self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """A line that stays, also where nothing else is shown."""
        # On a terminal above the bar, which would be torn apart otherwise.
        console = self._bar.console if self._console.is_terminal else Console(stderr=True)
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _plain(self, text: str, *, now: bool = False) -> None:
        due = now or time.monotonic() - self._last_line >= LINE_SECONDS
        if due and not self._quiet and not self._console.is_terminal:
            self._last_line = time.monotonic()
            self._console.print(text, highlight=False, soft_wrap=True)
