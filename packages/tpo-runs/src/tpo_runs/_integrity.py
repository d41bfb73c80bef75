"""Files that appear whole or not at all, and that tell when one of their bits has changed."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
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


def write_file(path: Path, content: bytes) -> None:
    """Replace a file so that a reader sees the old one or the new one, whole, also after a power cut."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


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


def damage(directory: Path) -> list[str]:
    """What is wrong with a directory that `appearing_whole` has filled: one line for each damaged file."""
    return contents(directory)[1]


def contents(directory: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files that `SHA256SUMS` lists, each read once, and a line for each that is damaged."""
    path = directory / SUMS
    try:
        listed = path.read_bytes()
    except FileNotFoundError:
        return {}, [f"{path}: missing, so that nothing beside it can be trusted"]
    except OSError as error:
        return {}, [f"{path}: cannot be read: {error.strerror}"]
    files: dict[str, bytes] = {}
    hashes: dict[str, str] = {}
    lines = []
    for entry in listed.decode("utf-8", "replace").splitlines():
        expected, _, name = entry.partition("  ")
        if Path(name).name != name or not name.isprintable() or not (directory / name).is_file():
            lines.append(f"{path}: damaged, or a file that it lists is missing")
            continue
        try:
            files[name] = (directory / name).read_bytes()
        except OSError as error:
            lines.append(f"{directory / name}: cannot be read: {error.strerror}")
            continue
        hashes[name] = digest(files[name])
        if hashes[name] != expected:
            lines.append(f"{directory / name}: damaged, does not match its hash in {SUMS}")
    if not lines and _listing(hashes).encode() != listed:
        lines.append(f"{path}: damaged")
    return files, lines


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
    if not path.exists():
        return
    grave = Path(tempfile.mkdtemp(dir=path.parent, prefix=UNFINISHED))
    os.rename(path, grave / path.name)
    shutil.rmtree(grave)


def remove_unfinished(directory: Path, whole: str) -> None:
    """Remove, at any depth, what processes that were killed had begun to write or to remove.

    Args:
        directory: where to look.
        whole: how the names of directories begin that appear whole, so that nothing unfinished is in them.
    """
    for entry in list(os.scandir(directory)):
        if entry.name.startswith(UNFINISHED):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                Path(entry.path).unlink(missing_ok=True)
        elif entry.is_dir(follow_symlinks=False) and not entry.name.startswith(whole):
            remove_unfinished(Path(entry.path), whole)
