"""Atomic writes, and hashes that detect damaged files."""

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

from ._errors import as_storage_error

SUMS = "SHA256SUMS"
UNFINISHED = ".writing-"


class DamagedError(Exception):
    """A damaged file, which the message names."""


def digest(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def write_file(path: Path, content: bytes, mode: int | None = None) -> None:
    """Replace a file atomically and durably. A link is replaced, not followed.

    `mode` has its permissions; by default those of a new file.
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
    """Write a file that the user has named, and create its directory if needed.

    Links are followed, and an existing file keeps its permissions. Regular files are replaced atomically;
    devices, pipes and open descriptors such as `/dev/stdout` are written to.
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


def write_derived_file(path: Path, content: bytes) -> Path:
    """Write a file that can be made again from results, with `write_named_file`, and return its path.

    Raises:
        StorageError: it cannot be written.
    """
    with as_storage_error(path, "the results are intact; --to names another file"):
        write_named_file(path, content)
    return path


def open_descriptor(path: Path) -> int | None:
    """The file descriptor of a path such as `/dev/stdout` or `/dev/fd/3`; None for other paths."""
    # Opening such a path would overwrite a regular file from its start.
    names = {"/dev/stdout": 1, "/dev/stderr": 2}
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", str(path))
    return int(match[1]) if match else names.get(str(path))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def sync_directory(directory: Path) -> None:
    """Make the entries of a directory durable, if the system supports it."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_directory(directory: Path, unlisted: Iterable[str] = ()) -> Iterator[Path]:
    """A temporary directory that is renamed to `directory` if the context ends without an error.

    Its files are then durable, and `SHA256SUMS` lists them, except those named in `unlisted`.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=directory.parent, prefix=UNFINISHED))
    try:
        os.chmod(temporary, 0o777 & ~_umask())
        yield temporary
        for path in temporary.iterdir():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
        names = [path.name for path in temporary.iterdir() if path.name not in unlisted]
        write_file(temporary / SUMS, sums(temporary, names).encode())
        os.rename(temporary, directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_directory(directory.parent)


def sums(directory: Path, names: Iterable[str]) -> str:
    """The hashes of some files of a directory, in the format of `sha256sum`."""
    return _listing({name: digest((directory / name).read_bytes()) for name in names})


def _listing(hashes: Mapping[str, str]) -> str:
    return "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))


def damage(directory: Path, required: Iterable[str] = ()) -> list[str]:
    """Check a directory that `atomic_directory` wrote. Returns one line for each damaged file."""
    return contents(directory, required)[1]


def contents(
    directory: Path, required: Iterable[str] = (), only: Sequence[str] | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """Read the files that `SHA256SUMS` lists, or `only` some, and check their hashes.

    Returns:
        The contents, and one line for each file that is damaged, or `required` and not listed.

    Raises:
        OSError: a file exists but cannot be read; the exception names it.
    """
    path = directory / SUMS
    try:
        listed = _read(path)
    except FileNotFoundError:
        return {}, [f"{path}: missing, so the files beside it cannot be verified"]
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
        # If opening succeeds and reading fails, the error names no file.
        raise OSError(error.errno, error.strerror, str(path)) from error


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Deterministic JSON: the same value gives the same bytes."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def sealed(value: Mapping[str, Any]) -> bytes:
    """JSON with the hash of the rest of its content, as "sha256"."""
    return json_bytes({**value, "sha256": digest(json_bytes(value))})


def unsealed(path: Path, *, exactly: bool = True) -> dict[str, Any]:
    """Read JSON with a hash of the rest of its content, and check the hash.

    If `exactly`, each byte must be as `sealed` writes it; else white space and the order of keys are free.

    Raises:
        DamagedError: the hash does not match.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    try:
        value = json.loads(content)
        intact = value.pop("sha256") == digest(json_bytes(value))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        intact, value = False, {}
    if not intact or (exactly and sealed(value) != content):
        raise DamagedError(f"{path}: damaged, does not match the hash inside it")
    return value


def discard(path: Path) -> None:
    """Remove a directory or file atomically, if it exists."""
    if not os.path.lexists(path):
        return
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=UNFINISHED))
    os.rename(path, temporary / path.name)
    shutil.rmtree(temporary)


def remove_unfinished(directory: Path, whole: str, into: Sequence[str] | None = None) -> None:
    """Remove, at any depth, the temporary files of killed processes.

    Atomic directories, whose names start with `whole`, are not searched. `into` names the subdirectories to
    search; by default all.
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
