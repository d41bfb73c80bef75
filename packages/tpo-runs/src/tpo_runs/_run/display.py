"""What a run shows while it trains: a live display on a terminal, plain lines elsewhere, or nothing."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .._config import LoadedConfig
from .._console import make_console
from .._text import counted
from .progress import Display, Standing, duration, seed_words

LINE_SECONDS = 20.0
BAR_WIDTH = 24


def make_display(console: Console, *, quiet: bool = False) -> Display:
    """What fits the console."""
    if quiet:
        return QuietDisplay()
    return (
        LiveDisplay(console)
        if console.is_terminal and not console.is_dumb_terminal
        else PlainDisplay(console)
    )


class QuietDisplay:
    """Nothing but warnings, on standard error."""

    def __enter__(self) -> "QuietDisplay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to take down."""

    def run(self, loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> None:
        """Silent."""

    def compiling(self, label: str) -> None:
        """Silent."""

    def begin(self, now: Standing) -> None:
        """Silent."""

    def advance(self, now: Standing) -> None:
        """Silent."""

    def end(self, now: Standing, seconds: float, diverged: Mapping[str, int]) -> None:
        """Silent."""

    def note(self, text: str) -> None:
        """Silent."""

    def warn(self, text: str) -> None:
        """A line on standard error."""
        _line(make_console(stderr=True), text)


class PlainDisplay(QuietDisplay):
    """A line when a block begins and when it ends, and one every 20 seconds in between."""

    def __init__(self, console: Console):
        self._console = console
        self._last = time.monotonic()

    def run(self, loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> None:
        """A line."""
        self.note(_run_words(loaded, out, blocks, steps))

    def compiling(self, label: str) -> None:
        """A line."""
        self.note(f"{label}: compiling")

    def begin(self, now: Standing) -> None:
        """A line."""
        self._last = time.monotonic()
        self.note(f"{_place(now)}: {_begins(now)}")

    def advance(self, now: Standing) -> None:
        """A line, unless there was one a short time ago."""
        if time.monotonic() - self._last >= LINE_SECONDS:
            self._last = time.monotonic()
            self.note(f"{_place(now)}: step {now.step:,} of {now.steps:,}, {_measured(now)}; {_run(now)}")

    def end(self, now: Standing, seconds: float, diverged: Mapping[str, int]) -> None:
        """A line."""
        self.note(f"{_place(now)}: {_ended(now, seconds, diverged)}")

    def note(self, text: str) -> None:
        """A line."""
        _line(self._console, text)


class LiveDisplay(PlainDisplay):
    """Bars for the block and for the run, below the lines that stay."""

    def __init__(self, console: Console):
        super().__init__(console)
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)
        self._began = self._updated = time.monotonic()
        self._waits_for = ""
        self._now: Standing | None = None

    def __enter__(self) -> "LiveDisplay":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def __rich__(self) -> RenderableType:
        now, elapsed = self._now, f"{duration(time.monotonic() - self._began)} so far"
        waiting = [Text(f"{self._waits_for}: compiling", style="dim")] if self._waits_for else []
        if now is None:
            return Group(*waiting, Text(elapsed, style="dim"))
        bars = Table.grid(padding=(0, 1))
        block = Text(f"step {now.step:,} of {now.steps:,}, {_measured(now)}")
        bars.add_row("block", ProgressBar(now.steps, now.step, width=BAR_WIDTH), block)
        left = None if now.left is None else max(0.0, now.left - (time.monotonic() - self._updated))
        run = Text(elapsed if left is None else f"{elapsed}, about {duration(left)} left")
        bars.add_row("run", ProgressBar(max(now.total, 1), now.done, width=BAR_WIDTH), run)
        title = waiting or [Text(_place(now), style="bold", overflow="ellipsis", no_wrap=True)]
        return Group(*title, bars)

    def compiling(self, label: str) -> None:
        """Shown in place of the block."""
        self._waits_for = label

    def begin(self, now: Standing) -> None:
        """Shown by the bars."""
        self._waits_for = ""
        self._set(now)
        if now.step:
            self.note(f"{_place(now)}: {_begins(now)}")

    def advance(self, now: Standing) -> None:
        """Shown by the bars."""
        self._set(now)

    def warn(self, text: str) -> None:
        """A line above the bars, which would be torn apart by one on standard error."""
        _line(self._console, text, style="yellow")

    def _set(self, now: Standing) -> None:
        self._now, self._updated = now, time.monotonic()


def _line(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True, style=style)


def _run_words(loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> str:
    title = loaded.config.title or loaded.path.name
    what = f"{counted(blocks, 'block')} of seeds, {steps:,} steps" if blocks else "nothing left to train"
    return f"{title}: {what}; results in {out}"


def _place(now: Standing) -> str:
    return f"[{now.block}/{now.blocks}] {now.label}, {seed_words(now.seeds)}"


def _begins(now: Standing) -> str:
    return f"goes on from step {now.step:,} of {now.steps:,}" if now.step else f"{now.steps:,} steps"


def _ended(now: Standing, seconds: float, diverged: Mapping[str, int]) -> str:
    lost = f", {len(diverged)} of {counted(len(now.seeds), 'seed')} diverged" if diverged else ""
    return f"done in {duration(seconds)}, {_error(now)}{lost}"


def _error(now: Standing) -> str:
    return "error lost" if math.isnan(now.error) else f"error {now.error:.3f}"


def _measured(now: Standing) -> str:
    """The mean error over the block's seeds, and the speed."""
    return f"{_error(now)}, {now.rate:,.3g} episodes/s" if now.rate is not None else "starting"


def _run(now: Standing) -> str:
    left = "" if now.left is None else f", about {duration(now.left)} left"
    return f"{100 * now.done / max(now.total, 1):.0f}% of the run{left}"
