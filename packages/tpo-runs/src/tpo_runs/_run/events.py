"""A run as machine-readable events: one JSON object a line, on standard output."""

import contextlib
import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .._config import LoadedConfig
from .progress import Standing


class JsonDisplay:
    """Events instead of lines. While it is entered, whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._out = sys.stdout

    def __enter__(self) -> "JsonDisplay":
        self._others = contextlib.redirect_stdout(sys.stderr)
        self._others.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._others.__exit__(kind, error, trace)

    def emit(self, event: str, **facts: Any) -> None:
        """Write one event."""
        record = {"event": event, "time": round(time.time(), 3), **_plain(facts)}
        self._out.write(json.dumps(record, allow_nan=False) + "\n")
        self._out.flush()

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


def _plain(value: Any) -> Any:
    """The value as JSON can hold it: what is NaN or infinite is null."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
