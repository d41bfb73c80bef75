"""Files that appear whole or not at all, and that tell when one of their bits has changed."""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SUMS = "SHA256SUMS"
UNFINISHED = ".writing-"


class DamagedError(Exception):
    """A file that is not what was written; the message names the file."""


def digest(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """Replace a file so that a reader sees the old one or the new one, whole, also after a power cut.

    A link of this name is replaced, never followed.

    Args:
        path: the file.
        content: all of it.
        mode: its permissions; by default those of a new file.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask() if mode is None else mode)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def write_named_file(path: Path, content: bytes) -> None:
    """Write a file that the user has named; its folder is made if needed.

    A link is followed, and a file that is there keeps its permissions. A device, a pipe or an open descriptor
    such as `/dev/stdout` is written to, where a regular file is replaced whole.

    Raises:
        OSError: it cannot be written.
    """
    if (descriptor := open_descriptor(path)) is not None:
        sys.stdout.flush()
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        return
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_file(target, content)
        return
    if not stat.S_ISREG(mode):
        with target.open("wb") as file:
            file.write(content)
        return
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    write_file(target, content, stat.S_IMODE(mode))


def open_descriptor(path: Path) -> int | None:
    """The descriptor of this process that a path such as `/dev/stdout` or `/dev/fd/3` stands for.

    Opened by its path, a descriptor that leads to a regular file would be written from its start again.
    """
    names = {"/dev/stdout": 1, "/dev/stderr": 2}
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", str(path))
    return int(match[1]) if match else names.get(str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def appearing_whole(directory: Path, apart: Iterable[str] = ()) -> Iterator[Path]:
    """A directory to fill, which takes its name when the block of code ends without an error.

    By then its files are on the disk, and `SHA256SUMS`, written last, lists them; except those named in
    `apart`, whose content is sealed by itself.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=directory.parent, prefix=UNFINISHED))
    try:
        os.chmod(temporary, 0o777 & ~_umask())
        yield temporary
        for path in sorted(temporary.iterdir()):
            _sync_file(path)
        names = [path.name for path in temporary.iterdir() if path.name not in apart]
        write_file(temporary / SUMS, sums(temporary, names).encode())
        os.rename(temporary, directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_directory(directory.parent)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sums(directory: Path, names: Iterable[str]) -> str:
    """The hashes of some files of a directory, in the format that `sha256sum -c` reads."""
    return _listing({name: digest((directory / name).read_bytes()) for name in names})


def _listing(hashes: Mapping[str, str]) -> str:
    return "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))


def damage(directory: Path, required: Iterable[str] = ()) -> list[str]:
    """What is wrong with a directory that `appearing_whole` has filled: one line for each damaged file."""
    return contents(directory, required)[1]


def contents(
    directory: Path, required: Iterable[str] = (), only: Sequence[str] | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """The files that `SHA256SUMS` lists, each read once, and a line for each that is damaged.

    Args:
        directory: what `appearing_whole` has filled.
        required: names that have to be listed.
        only: names to read; by default all that are listed.

    Raises:
        OSError: a file is there and cannot be read, which is no damage; the exception names it.
    """
    path = directory / SUMS
    try:
        listed = _read(path)
    except FileNotFoundError:
        return {}, [f"{path}: missing, so that nothing beside it can be trusted"]
    files: dict[str, bytes] = {}
    hashes: dict[str, str] = {}
    lines = []
    for entry in listed.decode("utf-8", "replace").splitlines():
        expected, _, name = entry.partition("  ")
        if only is not None and name not in only:
            continue
        if Path(name).name != name or not name.isprintable() or not (directory / name).is_file():
            lines.append(f"{path}: damaged, or a file that it lists is missing")
            continue
        files[name] = _read(directory / name)
        hashes[name] = digest(files[name])
        if hashes[name] != expected:
            lines.append(f"{directory / name}: damaged, does not match its hash in {SUMS}")
    if not lines:
        lines += [f"{directory / name}: missing in {SUMS}" for name in required if name not in hashes]
    if not lines and only is None and _listing(hashes).encode() != listed:
        lines.append(f"{path}: damaged")
    return files, lines


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        # Where opening goes well and reading fails, the system names no file.
        raise OSError(error.errno, error.strerror, str(path)) from error


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """JSON as all files of the store are written: the same value gives the same bytes."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def sealed(value: Mapping[str, Any]) -> bytes:
    """JSON that holds the hash of the rest of itself, as "sha256"."""
    return json_bytes({**value, "sha256": digest(json_bytes(value))})


def unsealed(path: Path) -> dict[str, Any]:
    """The value in a file that `sealed` made.

    Raises:
        DamagedError: a bit of it has changed, or it was made by something else.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    try:
        value = json.loads(content)
        del value["sha256"]
        intact = sealed(value) == content
    except (ValueError, TypeError, KeyError, RecursionError):
        intact, value = False, {}
    if not intact:
        raise DamagedError(f"{path}: damaged, does not match the hash inside it")
    return value


def discard(path: Path) -> None:
    """Remove a directory or a file, if it is there, without ever leaving a part of it under its name."""
    if not os.path.lexists(path):
        return
    grave = Path(tempfile.mkdtemp(dir=path.parent, prefix=UNFINISHED))
    os.rename(path, grave / path.name)
    shutil.rmtree(grave)


def remove_unfinished(directory: Path, whole: str, into: Sequence[str] | None = None) -> None:
    """Remove, at any depth, what processes that were killed had begun to write or to remove.

    Args:
        directory: where to look.
        whole: how the names of directories begin that appear whole, so that nothing unfinished is in them.
        into: the directories in it to look into; by default all.
    """
    for entry in list(os.scandir(directory)):
        if entry.name.startswith(UNFINISHED):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink(missing_ok=True)
        elif entry.name.startswith(whole) or (into is not None and entry.name not in into):
            continue
        elif entry.is_dir(follow_symlinks=False):
            remove_unfinished(Path(entry.path), whole)
