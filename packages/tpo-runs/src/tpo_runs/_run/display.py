"""Displays for people: progress bars on a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .._config import LoadedConfig
from .._console import print_line
from .._text import counted
from .progress import Display, RunStatus, duration, seed_words

LINE_SECONDS = 20.0
BAR_WIDTH = 24


def make_display(console: Console, *, quiet: bool = False) -> Display:
    """The display that suits a console."""
    if quiet:
        return Display()
    live = console.is_terminal and not console.is_dumb_terminal
    return LiveDisplay(console) if live else PlainDisplay(console)


class PlainDisplay(Display):
    """Prints a line when a block starts and ends, and every 20 seconds in between."""

    def __init__(self, console: Console):
        self._console = console
        self._last = time.monotonic()

    def run(self, loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> None:
        """Print the title and the size of the run."""
        title = loaded.config.title or loaded.path.name
        size = f"{counted(blocks, 'block')} of seeds, {steps:,} steps" if blocks else "nothing left to train"
        self.note(f"{title}: {size}; results in {out}")

    def compiling(self, label: str) -> None:
        """Print a line."""
        self.note(f"{label}: compiling")

    def begin(self, now: RunStatus) -> None:
        """Print a line."""
        self._last = time.monotonic()
        self._print_start(now)

    def advance(self, now: RunStatus) -> None:
        """Print a line, unless the last one is recent."""
        if time.monotonic() - self._last >= LINE_SECONDS:
            self._last = time.monotonic()
            left = "" if now.left is None else f", about {duration(now.left)} left"
            share = f"{100 * now.done / max(now.total, 1):.0f}% of the run{left}"
            self.note(f"{_place(now)}: step {now.step:,} of {now.steps:,}, {_measured(now)}; {share}")

    def end(self, now: RunStatus, seconds: float, diverged: Mapping[str, int]) -> None:
        """Print a line."""
        lost = f", {len(diverged)} of {counted(len(now.seeds), 'seed')} diverged" if diverged else ""
        self.note(f"{_place(now)}: done in {duration(seconds)}, error {now.error:.3f}{lost}")

    def note(self, text: str) -> None:
        """Print a line."""
        print_line(self._console, text)

    def _print_start(self, now: RunStatus) -> None:
        start = f"resumes at step {now.step:,} of {now.steps:,}" if now.step else f"{now.steps:,} steps"
        self.note(f"{_place(now)}: {start}")


class LiveDisplay(PlainDisplay):
    """Shows progress bars for the block and the run, below the lines of complete blocks."""

    def __init__(self, console: Console):
        super().__init__(console)
        self._title = Text()
        columns = (TextColumn("{task.description}"), BarColumn(BAR_WIDTH), TimeElapsedColumn())
        self._bars = Progress(*columns, TextColumn("{task.fields[state]}"))
        self._block, self._run = (
            self._bars.add_task(name, total=None, state="") for name in ("block", "run")
        )
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "LiveDisplay":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __rich__(self) -> RenderableType:
        return Group(self._title, self._bars)

    def compiling(self, label: str) -> None:
        """Show this in place of the block's title."""
        self._title = Text(f"{label}: compiling", style="dim")

    def begin(self, now: RunStatus) -> None:
        """Update the bars; print a line if the block resumes."""
        self._title = Text(_place(now), style="bold", overflow="ellipsis", no_wrap=True)
        self._bars.reset(self._block, total=now.steps)
        self.advance(now)
        if now.step:
            self._print_start(now)

    def advance(self, now: RunStatus) -> None:
        """Update the bars."""
        state = f"step {now.step:,} of {now.steps:,}, {_measured(now)}"
        self._bars.update(self._block, completed=now.step, state=state)
        left = "" if now.left is None else f"about {duration(now.left)} left"
        self._bars.update(self._run, completed=now.done, total=max(now.total, 1), state=left)

    def warn(self, text: str) -> None:
        """Print a line above the bars; on standard error it would break them."""
        print_line(self._console, text, style="yellow")


def _place(now: RunStatus) -> str:
    return f"[{now.block}/{now.blocks}] {now.cell.label}, {seed_words(now.seeds)}"


def _measured(now: RunStatus) -> str:
    """The mean error over the block's seeds, the length of answers if it is measured, and the speed."""
    if now.rate is None:
        return "starting"
    if now.length is None or now.tokens_per_second is None:
        return f"error {now.error:.3f}, {now.rate:,.3g} episodes/s"
    tokens = f"{now.length:.3g} tokens an answer, {now.tokens_per_second:,.3g} tokens/s"
    return f"reward {1 - now.error:.3f}, {tokens}"
