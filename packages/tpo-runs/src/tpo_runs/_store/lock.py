"""One run at a time in an output directory."""

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
from .output_directory import HOLDER, LOCK

NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


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
    except OSError as error:
        raise _refused(directory, error) from None
    try:
        died = _read(path)
        try:
            write_file(path, json_bytes(_ourselves()))
        except OSError as error:
            raise _refused(directory, error) from None
        yield f"taken over from {_words(died)}, which did not come to its end" if died else None
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        lock.release()


def _refused(directory: Path, error: OSError) -> ConfigError:
    if error.errno in NO_LOCKS:
        fault = f"its file system has no locks ({reason_of(error)}), so two runs could write there at once"
        return ConfigError([f"{directory}: {fault}; choose another --out"])
    return ConfigError([f"{directory / LOCK}: cannot be held: {reason_of(error)}; choose another --out"])


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
    except (OSError, ValueError, TypeError, RecursionError):
        return {}


def _words(holder: dict[str, Any]) -> str:
    if not holder:
        return "another process"
    told = {key: printable(str(holder.get(key, "unknown"))) for key in ("pid", "host", "since", "command")}
    return f"process {told['pid']} on {told['host']} since {told['since']} ({told['command']})"
