"""Checks of output directories: of the one that a run writes to, and of those that commands read."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from .._config import is_sealed, key_of
from .._errors import ConfigError, as_config_error
from .._files import UNFINISHED, json_bytes
from .._text import nearest, printable
from . import layout

MOST_NAMED = 5
WANDB = "wandb"  # the directory of Weights & Biases, which holds a link to its latest run


def check_output(root: Path) -> None:
    """Refuse an output directory that holds files of others or links."""
    with as_config_error(root):
        dangling = root.is_symlink() and not root.exists()
    if dangling:
        fault = (
            f"is a link to {os.readlink(root)}, which does not exist; create that, or choose another --out"
        )
        raise ConfigError([printable(f"{root}: {fault}")])
    if not root.is_dir():
        return
    check_plain(root)
    with as_config_error(root):
        names = [entry.name for entry in _entries(root) if not _left_by_killed_start(entry)]
    path, has_manifest = root / layout.MANIFEST, layout.MANIFEST in names
    if not names or (has_manifest and _looks_like_manifest(path)) or holds_results(root):
        return
    if has_manifest:
        fault = f"{path}: damaged, or not written by tpo-runs, and there are no results beside it"
        raise ConfigError([printable(f"{fault}; remove it, or choose another --out")])
    fault = f"{root}: holds {names[0]!r} but no run; a run needs an empty or new directory"
    raise ConfigError([printable(f"{fault}; choose another --out, such as {root / 'run'}")])


def check_holds_run(out: Path) -> None:
    """Refuse a path without a run, and name the runs that may be meant."""
    with as_config_error(out):
        if (out / layout.MANIFEST).is_file():
            return
    fault = f"{out}: is a file" if out.is_file() else f"{out / layout.MANIFEST}: not found"
    meant = [str(run) for run in _meant(out)]
    more = ", ..." if len(meant) > MOST_NAMED else ""
    hint = f"; did you mean {' or '.join(map(repr, meant[:MOST_NAMED]))}{more}?" if meant else ""
    raise ConfigError([f"{printable(fault)}; expected the output directory of a run{hint}"])


def _meant(out: Path) -> list[Path]:
    """The run that a file belongs to, the runs in a directory, or the run beside it with the nearest name."""
    if out.is_file():
        return [out.parent] if (out.parent / layout.MANIFEST).is_file() else []
    if out.is_dir():
        return _runs_in(out)
    beside = {run.name: run for run in _runs_in(out.parent)}
    match = nearest(out.name, beside)
    return [beside[match]] if match else []


def _runs_in(folder: Path) -> list[Path]:
    try:
        return sorted(entry.parent for entry in folder.glob(f"*/{layout.MANIFEST}"))
    except OSError:
        return []


def check_plain(root: Path) -> None:
    """Refuse links inside a run's directory, and directories in place of its files or the reverse.

    A store may come from a stranger, and a link may lead out of it. The directory itself may be a link.
    """
    with as_config_error(root):
        lines = [printable(line) for line in _faults(root)]
    if lines:
        raise ConfigError(lines)


def holds_results(root: Path) -> bool:
    """Whether there is an intact config, or intact settings of a cell, that only a run can have written."""
    try:
        if is_sealed((root / layout.CONFIG).read_bytes()):
            return True
    except OSError:
        pass
    return any(_is_settings(path) for path in sorted(root.glob(f"{layout.CELLS}/*/{layout.SPEC}")))


def _is_settings(path: Path) -> bool:
    try:
        return settings_key(path.read_bytes()) == path.parent.name
    except OSError:
        return False


def settings_key(content: bytes) -> str:
    """The key of the cell with these settings, the content of a `spec.json`; empty if it is damaged."""
    try:
        identity = json.loads(content)
        return key_of(identity) if json_bytes(identity) == content else ""
    except (ValueError, TypeError, RecursionError):
        return ""


def _looks_like_manifest(manifest: Path) -> bool:
    """Whether a file looks like the manifest of a run. Its hash is checked when it is used."""
    try:
        value = json.loads(manifest.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"cells", "sha256"} <= value.keys()


def _left_by_killed_start(entry: os.DirEntry[str]) -> bool:
    """Whether this can come from a run that was killed before it wrote its manifest."""
    if entry.name == layout.LOCK:
        return entry.stat(follow_symlinks=False).st_size == 0
    return entry.name in (layout.LOCK_OWNER, layout.TUNING) or entry.name.startswith(UNFINISHED)


def _faults(root: Path) -> Iterator[str]:
    for name in layout.FILES:
        path = root / name
        if path.is_symlink():
            yield _link(path)
        elif path.exists() and not path.is_file():
            yield _other(path, "a file")
    if (root / WANDB).is_symlink():
        yield _link(root / WANDB)
    lock = root / layout.LOCK
    if lock.is_file() and not lock.is_symlink() and lock.stat().st_nlink > 1 and lock.stat().st_size > 0:
        yield f"{lock}: is a hard link to another file; remove it"
    for name in layout.DIRECTORIES:
        path = root / name
        if path.is_symlink():
            yield _link(path)
        elif path.is_dir():
            yield from _links_below(path)
        elif path.exists():
            yield _other(path, "a directory")


def _links_below(directory: Path) -> Iterator[str]:
    for entry in _entries(directory):
        if entry.is_symlink():
            yield _link(Path(entry.path))
        elif entry.is_dir(follow_symlinks=False):
            yield from _links_below(Path(entry.path))
        elif layout.KEY.fullmatch(entry.name) or entry.name in (layout.CHECKPOINTS, layout.TRACKING):
            yield _other(Path(entry.path), "a directory")
        elif not entry.is_file(follow_symlinks=False):
            yield _other(Path(entry.path), "a file")


def _other(path: Path, expected: str) -> str:
    return f"{path}: expected {expected}, as in every run; move it away"


def _link(path: Path) -> str:
    fix = "links inside a run's directory are not followed; remove it, or replace it with its target"
    return f"{path}: is a link to {os.readlink(path)}; {fix}"


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(directory), key=lambda entry: entry.name)
    except FileNotFoundError:  # another run has removed it
        return []
