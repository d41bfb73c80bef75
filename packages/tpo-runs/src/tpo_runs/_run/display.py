"""Displays: progress bars on a terminal, plain lines elsewhere, JSON events for machines."""

import contextlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from .._config import Cell, LoadedConfig
from .._console import print_line
from .._events import EventStream
from .._text import counted
from .progress import Display, RunStatus, duration, seed_words

LINE_SECONDS = 20.0
BAR_WIDTH = 24


def make_display(console: Console, blocks: int, steps: int, *, quiet: bool = False) -> Display:
    """The display that suits a console."""
    if quiet:
        return Display(blocks, steps)
    live = console.is_terminal and not console.is_dumb_terminal
    return (LiveDisplay if live else PlainDisplay)(console, blocks, steps)


class PlainDisplay(Display):
    """Prints a line when a block starts and ends, and every 20 seconds in between."""

    def __init__(self, console: Console, blocks: int, steps: int):
        super().__init__(blocks, steps)
        self._console = console
        self._last = time.monotonic()

    def run(self, loaded: LoadedConfig, out: Path) -> None:
        """Print the title and the size of the run."""
        title = loaded.config.title or loaded.path.name
        size = f"{counted(self.blocks, 'block')} of seeds, {self.total:,} steps"
        self.note(f"{title}: {size if self.blocks else 'nothing left to train'}; results in {out}")

    def compiling(self, cell: Cell) -> None:
        """Print a line."""
        self.note(f"{cell.label}: compiling")

    def note(self, text: str) -> None:
        """Print a line."""
        print_line(self._console, text)

    def _show_begin(self, now: RunStatus) -> None:
        self._last = time.monotonic()
        self._print_start(now)

    def _show_progress(self, now: RunStatus) -> None:
        if time.monotonic() - self._last >= LINE_SECONDS:
            self._last = time.monotonic()
            left = "" if now.left is None else f", about {duration(now.left)} left"
            share = f"{100 * now.done / max(now.total, 1):.0f}% of the run{left}"
            self.note(f"{_place(now)}: step {now.step:,} of {now.steps:,}, {_measured(now)}; {share}")

    def _show_end(self, now: RunStatus, seconds: float, diverged: Mapping[str, int]) -> None:
        lost = f", {len(diverged)} of {counted(len(now.seeds), 'seed')} diverged" if diverged else ""
        self.note(f"{_place(now)}: done in {duration(seconds)}, error {now.error:.3f}{lost}")

    def _print_start(self, now: RunStatus) -> None:
        start = f"resumes at step {now.step:,} of {now.steps:,}" if now.step else f"{now.steps:,} steps"
        self.note(f"{_place(now)}: {start}")


class LiveDisplay(PlainDisplay):
    """Shows progress bars for the block and the run, below the lines of complete blocks."""

    def __init__(self, console: Console, blocks: int, steps: int):
        super().__init__(console, blocks, steps)
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

    def compiling(self, cell: Cell) -> None:
        """Show this in place of the block's title."""
        self._title = Text(f"{cell.label}: compiling", style="dim")

    def warn(self, text: str) -> None:
        """Print a line above the bars; on standard error it would break them."""
        print_line(self._console, text, style="yellow")

    def _show_begin(self, now: RunStatus) -> None:
        self._title = Text(_place(now), style="bold", overflow="ellipsis", no_wrap=True)
        self._bars.reset(self._block, total=now.steps)
        self._show_progress(now)
        if now.step:
            self._print_start(now)

    def _show_progress(self, now: RunStatus) -> None:
        state = f"step {now.step:,} of {now.steps:,}, {_measured(now)}"
        self._bars.update(self._block, completed=now.step, state=state)
        left = "" if now.left is None else f"about {duration(now.left)} left"
        self._bars.update(self._run, completed=now.done, total=max(now.total, 1), state=left)


class JsonDisplay(Display):
    """Writes events to standard output. What user code prints there meanwhile goes to standard error."""

    def __init__(self, blocks: int, steps: int) -> None:
        super().__init__(blocks, steps)
        self.emit = EventStream().emit
        self._redirection = contextlib.redirect_stdout(sys.stderr)

    def __enter__(self) -> "JsonDisplay":
        self._redirection.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._redirection.__exit__(*error)

    def run(self, loaded: LoadedConfig, out: Path) -> None:
        """Event `run`."""
        cells = len({cell.key for cell in loaded.cells})
        names = {"title": loaded.config.title, "config": str(loaded.path), "out": str(out)}
        self.emit("run", **names, cells=cells, blocks=self.blocks, run_steps=self.total)

    def compiling(self, cell: Cell) -> None:
        """Event `compiling`."""
        self.emit("compiling", label=cell.label)

    def note(self, text: str) -> None:
        """Event `note`."""
        self.emit("note", text=text)

    def warn(self, text: str) -> None:
        """Event `warning`."""
        self.emit("warning", text=text)

    def _show_begin(self, now: RunStatus) -> None:
        self.emit("block", **_block(now), step=now.step, steps=now.steps)

    def _show_progress(self, now: RunStatus) -> None:
        self.emit(
            "progress",
            **_block(now),
            step=now.step,
            steps=now.steps,
            error=now.error,
            errors=now.errors,
            episodes_per_second=now.rate,
            answer_length=now.length,
            tokens_per_second=now.tokens_per_second,
            run_steps_done=now.done,
            run_steps=now.total,
            seconds_left=now.left,
        )

    def _show_end(self, now: RunStatus, seconds: float, diverged: Mapping[str, int]) -> None:
        errors = {"error": now.error, "errors": now.errors}
        self.emit("block_end", **_block(now), **errors, seconds=seconds, diverged=diverged)


def _block(now: RunStatus) -> dict[str, Any]:
    cell = {"cell": now.cell.key, "method": now.cell.method, "point": now.cell.point}
    return {**cell, "seeds": now.seeds, "block": now.block, "blocks": now.blocks}


def _place(now: RunStatus) -> str:
    return f"[{now.block}/{now.blocks}] {now.cell.label}, {seed_words(now.seeds)}"


def _measured(now: RunStatus) -> str:
    """The mean error and the speed; if the length of answers is measured, reward and tokens."""
    if now.rate is None:
        return "starting"
    if now.length is None or now.tokens_per_second is None:
        return f"error {now.error:.3f}, {now.rate:,.3g} episodes/s"
    tokens = f"{now.length:.3g} tokens per answer, {now.tokens_per_second:,.3g} tokens/s"
    return f"reward {1 - now.error:.3f}, {tokens}"
