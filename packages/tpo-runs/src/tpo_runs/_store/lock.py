"""The lock of an output directory: one run at a time."""

import contextlib
import errno
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

from .._errors import ConfigError, reason_of
from .._files import json_bytes, write_file
from .._text import printable
from .layout import LOCK, LOCK_OWNER

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextmanager
def locked(directory: Path) -> Iterator[str | None]:
    """Hold the lock of an output directory, and write who holds it to `lock.json`.

    The system releases the lock of a process that ends. Yields a line about the process that held the lock
    when it was killed, if there was one.
    """
    lock, path = FileLock(directory / LOCK), directory / LOCK_OWNER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        owner = _words(_read(path))
        line = f"{directory}: in use by {owner}; wait for it to end, stop it, or choose another --out"
        raise ConfigError([line]) from None
    except OSError as error:
        raise _refused(directory, error) from None
    try:
        killed = _read(path)
        try:
            write_file(path, json_bytes(_this_process()))
        except OSError as error:
            raise _refused(directory, error) from None
        yield f"taken over from {_words(killed)}, which was killed" if killed else None
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def _refused(directory: Path, error: OSError) -> ConfigError:
    if error.errno in NO_LOCKS:
        fault = f"its file system has no locks ({reason_of(error)}), so two runs could write there at once"
        return ConfigError([f"{directory}: {fault}; choose another --out"])
    return ConfigError([f"{directory / LOCK}: cannot be held: {reason_of(error)}; choose another --out"])


def _this_process() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "command": shlex.join(sys.argv),
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _words(owner: dict[str, Any]) -> str:
    if not owner:
        return "another process"
    facts = {key: printable(str(owner.get(key, "unknown"))) for key in ("pid", "host", "since", "command")}
    return f"process {facts['pid']} on {facts['host']} since {facts['since']} ({facts['command']})"
