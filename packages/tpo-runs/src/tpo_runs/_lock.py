"""One run at a time in an output directory."""

import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ._config_error import ConfigError
from ._integrity import json_bytes, write_file
from ._wording import ascii_safe

LOCK = ".lock"
HOLDER = "lock.json"


@contextmanager
def locked(directory: Path) -> Iterator[str | None]:
    """Hold the lock of an output directory, with `lock.json` in it saying who does.

    The system gives the lock back when its holder ends, however it ends: that of a dead process is free.

    Returns:
        A line about the process that held the lock when it died, if there was one.

    Raises:
        ConfigError: another process holds it; the line names it.
    """
    lock, path = FileLock(directory / LOCK), directory / HOLDER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = _words(_read(path))
        line = f"{directory}: in use by {who}; wait for it to end, stop it, or choose another --out"
        raise ConfigError([line]) from None
    try:
        died = _read(path)
        write_file(path, json_bytes(_ourselves()))
        yield f"taken over from {_words(died)}, which did not come to its end" if died else None
    finally:
        path.unlink(missing_ok=True)
        lock.release()


def _ourselves() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "command": shlex.join(sys.argv),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _words(holder: dict[str, Any]) -> str:
    if not holder:
        return "another process"
    told = {key: ascii_safe(str(holder.get(key, "unknown"))) for key in ("pid", "host", "since", "command")}
    return f"process {told['pid']} on {told['host']} since {told['since']} ({told['command']})"
