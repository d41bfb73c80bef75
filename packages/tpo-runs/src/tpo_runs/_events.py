"""Machine-readable events on standard output, one JSON object per line."""

import json
import math
import sys
import time
from collections.abc import Mapping
from typing import Any


class EventStream:
    """Writes events to the standard output of the time when it was created."""

    def __init__(self) -> None:
        self._out = sys.stdout

    def emit(self, event: str, **facts: Any) -> None:
        """Write one event."""
        record = {"event": event, "time": round(time.time(), 3), **_plain(facts)}
        self._out.write(json.dumps(record, allow_nan=False) + "\n")
        self._out.flush()


def _plain(value: Any) -> Any:
    """The value with NaN and infinities replaced by None, which JSON can represent."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
