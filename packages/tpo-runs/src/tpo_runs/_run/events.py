"""A display for machines: one event per line."""

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._config import LoadedConfig
from .._events import EventStream
from .progress import Display, RunStatus


class JsonDisplay(Display):
    """Writes events to standard output. What else is printed there meanwhile goes to standard error."""

    def __init__(self) -> None:
        self.emit = EventStream().emit
        self._redirection = contextlib.redirect_stdout(sys.stderr)

    def __enter__(self) -> "JsonDisplay":
        self._redirection.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._redirection.__exit__(*error)

    def run(self, loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> None:
        """Event `run`."""
        self.emit(
            "run",
            title=loaded.config.title,
            config=str(loaded.path),
            out=str(out),
            cells=len({cell.key for cell in loaded.cells}),
            blocks=blocks,
            run_steps=steps,
        )

    def compiling(self, label: str) -> None:
        """Event `compiling`."""
        self.emit("compiling", label=label)

    def begin(self, now: RunStatus) -> None:
        """Event `block`."""
        self.emit("block", **_block(now), step=now.step, steps=now.steps)

    def advance(self, now: RunStatus) -> None:
        """Event `progress`."""
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

    def end(self, now: RunStatus, seconds: float, diverged: Mapping[str, int]) -> None:
        """Event `block_end`."""
        errors = {"error": now.error, "errors": now.errors}
        self.emit("block_end", **_block(now), **errors, seconds=seconds, diverged=diverged)

    def note(self, text: str) -> None:
        """Event `note`."""
        self.emit("note", text=text)

    def warn(self, text: str) -> None:
        """Event `warning`."""
        self.emit("warning", text=text)


def _block(now: RunStatus) -> dict[str, Any]:
    cell = {"cell": now.cell.key, "method": now.cell.method, "point": now.cell.point}
    return {**cell, "seeds": now.seeds, "block": now.block, "blocks": now.blocks}
