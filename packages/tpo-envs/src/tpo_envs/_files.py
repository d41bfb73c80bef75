"""Write results to files, atomically, or to streams such as `/dev/stdout`."""

import os
import re
import secrets
import stat
import sys
from pathlib import Path


def destination(out: str | os.PathLike[str]) -> Path:
    """The path to write to. Creates its directory.

    Raises:
        OSError: if it is a directory, or cannot be written to.
    """
    path = Path(os.path.expanduser(os.fspath(out)))
    if path.is_dir():
        raise IsADirectoryError(f"out is {str(path)!r}, a directory: name a file in it")
    if is_stream(path):
        return path
    target = _target(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    for place in (target.parent, target):
        if place.exists() and not os.access(place, os.W_OK):
            raise PermissionError(f"out is {str(path)!r}, but {str(place)!r} cannot be written to")
    return path


def is_stream(path: Path) -> bool:
    """Whether a path is a pipe, a device, or a file that this program has open."""
    return _descriptor(path) is not None or (path.exists() and not path.is_file())


def write_text(path: Path, text: str) -> None:
    """Write to a stream, or replace a file atomically.

    If the path is a link, its target is replaced. An existing file keeps its mode; a new one follows the
    umask.
    """
    if not is_stream(path):
        _replace(_target(path), text)
        return
    descriptor = _descriptor(path)
    if descriptor == 1 and sys.stdout is not None:
        sys.stdout.flush()
    # Opening `/dev/stdout` again would overwrite the start of a file that it is redirected to.
    with open(path if descriptor is None else os.dup(descriptor), "w", encoding="utf-8") as file:
        file.write(text)


def _descriptor(path: Path) -> int | None:
    names = {"/dev/stdout": "1", "/dev/stderr": "2"}
    named = re.fullmatch(r"/(?:dev|proc/self)/fd/([0-9]{1,9})", str(path))
    number = names.get(str(path), named[1] if named else None)
    return None if number is None else int(number)


def _target(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _replace(target: Path, text: str) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    temporary = target.with_name(f".tpo-envs-{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(temporary, mode)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
