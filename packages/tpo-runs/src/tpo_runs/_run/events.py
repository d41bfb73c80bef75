"""A run as machine-readable events."""

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .._config import LoadedConfig
from .._events import EventStream
from .progress import Standing


class JsonDisplay(EventStream):
    """Events instead of lines. While it is entered, whatever else is printed goes to standard error."""

    def __enter__(self) -> "JsonDisplay":
        self._others = contextlib.redirect_stdout(sys.stderr)
        self._others.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._others.__exit__(kind, error, trace)

    def run(self, loaded: LoadedConfig, out: Path, blocks: int, steps: int) -> None:
        """Event `run`."""
        keys = {cell.key for cell in loaded.cells}
        self.emit(
            "run",
            title=loaded.config.title,
            config=str(loaded.path),
            out=str(out),
            cells=len(keys),
            blocks=blocks,
            run_steps=steps,
        )

    def compiling(self, label: str) -> None:
        """Event `compiling`."""
        self.emit("compiling", label=label)

    def begin(self, now: Standing) -> None:
        """Event `block`."""
        self.emit("block", **_block(now), step=now.step, steps=now.steps)

    def advance(self, now: Standing) -> None:
        """Event `progress`."""
        self.emit(
            "progress",
            **_block(now),
            step=now.step,
            steps=now.steps,
            error=now.error,
            errors=now.errors,
            episodes_per_second=now.rate,
            run_steps_done=now.done,
            run_steps=now.total,
            seconds_left=now.left,
        )

    def end(self, now: Standing, seconds: float, diverged: Mapping[str, int]) -> None:
        """Event `block_end`."""
        self.emit(
            "block_end", **_block(now), error=now.error, errors=now.errors, seconds=seconds, diverged=diverged
        )

    def note(self, text: str) -> None:
        """Event `note`."""
        self.emit("note", text=text)

    def warn(self, text: str) -> None:
        """Event `warning`."""
        self.emit("warning", text=text)


def _block(now: Standing) -> dict[str, Any]:
    return {
        "method": now.method,
        "point": now.point,
        "cell": now.key,
        "seeds": now.seeds,
        "block": now.block,
        "blocks": now.blocks,
    }
