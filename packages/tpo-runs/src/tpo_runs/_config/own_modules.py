"""Users' own modules: found beside the config, each config's apart, and known by the hash of their source."""

import contextlib
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from .._errors import ConfigError
from .._files import digest
from .._text import found, printable


class _Own(NamedTuple):
    """A module that was imported, and the files that it consists of by the names of their modules."""

    module: ModuleType
    files: Mapping[str, Path]
    hashes: Mapping[str, str]


_imported: dict[tuple[str, tuple[Path, ...]], _Own] = {}
_latest: dict[str, _Own] = {}
_names: set[str] = set()
# What was added to Python's search path for the config before.
_added: set[str] = set()


def import_own(name: str, directories: Sequence[Path]) -> ModuleType:
    """Import a module from the first directory that has it, or else as Python does. Safe in another thread.

    It is imported once for the same directories, and the modules that it imports from there with it, so that
    two configs may each have their own of one name.

    Args:
        name: a dotted module.
        directories: where it may lie.

    Raises:
        ConfigError: another module of this name hides it.
    """
    key = name, tuple(directories)
    if key not in _imported:
        _imported[key] = _import(name, directories)
    _latest[name] = _imported[key]
    return _imported[key].module


def forget_changed() -> None:
    """Import anew, when they are next asked for, the modules whose files are not what they were."""
    for key, own in list(_imported.items()):
        if _hashes(own.files) != own.hashes:
            del _imported[key]


def source_hashes(name: str) -> dict[str, str]:
    """The SHA-256 of the source that the module had when it was last imported, by name.

    The modules that it imports from the same directory are among them. None where there is no file.
    """
    return dict(_latest[name].hashes) if name in _latest else {}


def _import(name: str, directories: Sequence[Path]) -> _Own:
    top = name.partition(".")[0]
    beside = next((file for path in directories for file in _files(path, name) if file.is_file()), None)
    sys.path[:] = [entry for entry in sys.path if entry not in _added]
    installed = [entry for entry in sys.path if Path(entry).resolve() not in directories]
    other = _elsewhere(top, installed) if beside else None
    if beside and other and not _is_same(other, beside, name):
        text = f"{printable(str(beside))} is hidden by another module {found(top)}, {printable(other)}"
        raise ConfigError([f"{text}; rename your file, and the module in objective.kind"])
    with _alone(top if beside else None, installed, directories) as before:
        module = importlib.import_module(name)
        own = {
            key: Path(file)
            for key, value in list(sys.modules.items())
            if key not in before and (file := getattr(value, "__file__", None)) and _lies_in(key, directories)
        }
    _names.update(own)
    if name not in own and getattr(module, "__file__", None):
        own[name] = Path(str(module.__file__))
    return _Own(module, own, _hashes(own))


def _files(directory: Path, name: str) -> list[Path]:
    place = directory.joinpath(*name.split("."))
    return [place.with_name(f"{place.name}.py"), place / "__init__.py"]


def _is_same(other: str, beside: Path, name: str) -> bool:
    """Whether Python finds, under the name of the package, the one that the file belongs to: a link to it."""
    package = beside.parents[name.count(".") - (beside.name != "__init__.py")] if "." in name else beside
    return Path(other).resolve() in (package.resolve(), (package / "__init__.py").resolve())


def _elsewhere(top: str, path: Sequence[str]) -> str | None:
    """Where Python finds a module without the files beside a config."""
    before = sys.path[:]
    sys.path[:] = path
    try:
        importlib.invalidate_caches()
        specs = (finder.find_spec(top, None) for finder in sys.meta_path if hasattr(finder, "find_spec"))
        # A folder that is no package, which has no loader, hides nothing.
        spec = next((spec for spec in specs if spec and spec.loader), None)
    finally:
        sys.path[:] = before
    if spec is None:
        return None
    return "which is built into Python" if spec.origin in ("built-in", "frozen") else spec.origin


@contextlib.contextmanager
def _alone(top: str | None, installed: Sequence[str], directories: Sequence[Path]) -> Iterator[set[str]]:
    """A stretch of code that imports as if no other config had imported anything; what there was before.

    Args:
        top: the package that is imported, if it lies in one of the directories.
        installed: where Python looks first: no file beside a config may stand in for a module of a library.
        directories: where it looks then.
    """
    path, quiet = sys.path[:], sys.dont_write_bytecode
    roots = {name.partition(".")[0] for name in _names} | {top}
    aside = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in roots}
    sys.path[:] = [*installed, *map(str, directories)]
    # An edit within a second that keeps the length of a file would go unnoticed by Python's cache.
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        # What a module prints is no part of the output of a command.
        with contextlib.redirect_stdout(sys.stderr):
            yield before
    finally:
        sys.dont_write_bytecode = quiet
        added = [str(entry) for entry in directories if str(entry) not in path]
        _added.clear()
        _added.update(added)
        sys.path[:] = [*path, *added]
        for name, module in aside.items():
            if name not in _names or name not in sys.modules:
                sys.modules[name] = module


def _lies_in(name: str, directories: Sequence[Path]) -> bool:
    """Whether the package of a module that is imported lies in one of the directories itself."""
    top = sys.modules.get(name.partition(".")[0])
    file = getattr(top, "__file__", None)
    places = [Path(file)] if file else [Path(entry) for entry in getattr(top, "__path__", ())]
    roots = {(place.parent if place.name == "__init__.py" else place).resolve().parent for place in places}
    return not roots.isdisjoint(directories)


def _hashes(files: Mapping[str, Path]) -> dict[str, str]:
    hashes = {}
    for name, path in sorted(files.items()):
        with contextlib.suppress(OSError):
            hashes[name] = digest(path.read_bytes())
    return hashes
