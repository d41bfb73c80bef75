"""Import users' own modules from beside the config, separately for each config, and hash their source."""

import contextlib
import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from .._errors import ConfigError
from .._files import digest
from .._text import found, printable


class _Imported(NamedTuple):
    """An imported module, and the paths and hashes of its files by the names of their modules."""

    module: ModuleType
    files: Mapping[str, Path]
    hashes: Mapping[str, str]


_cache: dict[tuple[str, tuple[Path, ...]], _Imported] = {}
_latest: dict[str, _Imported] = {}
# All modules of users, and what the latest import added to Python's search path.
_own: set[str] = set()
_added: list[str] = []


def import_own(name: str, directories: Sequence[Path]) -> ModuleType:
    """Import a module from the first directory that has it, or else as Python does. Works in any thread.

    Each list of directories has its own copy of the module and of the modules that it imports from there, so
    two configs can have different modules of the same name.

    Args:
        name: a dotted module.
        directories: where it may be.

    Raises:
        ConfigError: another module of this name hides it.
    """
    key = name, tuple(directories)
    if key not in _cache:
        _cache[key] = _import(name, directories)
    _latest[name] = _cache[key]
    return _cache[key].module


def drop_changed() -> None:
    """Drop modules from the cache whose files have changed."""
    for key, imported in list(_cache.items()):
        if _hashes(imported.files) != imported.hashes:
            del _cache[key]


def source_hashes(name: str) -> dict[str, str]:
    """The SHA-256 of the module's source when it was last imported, by module name.

    Includes the modules that it imports from the same directory. Modules without a file are left out.
    """
    return dict(_latest[name].hashes) if name in _latest else {}


def _import(name: str, directories: Sequence[Path]) -> _Imported:
    top = name.partition(".")[0]
    own = next((file for path in directories for file in _candidates(path, name) if file.is_file()), None)
    installed = [
        entry for entry in sys.path if entry not in _added and Path(entry).resolve() not in directories
    ]
    other = _find(top, installed) if own else None
    if own and other and not _is_same(other, own, name):
        text = f"{printable(str(own))} is hidden by another module {found(top)}, {printable(other)}"
        raise ConfigError([f"{text}; rename your file, and the module in the config"])
    roots = {name.partition(".")[0] for name in _own} | ({top} if own else set())
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in roots}
    # Libraries come first, so that users' files do not hide them.
    _added[:] = map(str, directories)
    sys.path[:] = [*installed, *_added]
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        with _quietly():
            module = importlib.import_module(name)
        files = {
            key: Path(file)
            for key, value in list(sys.modules.items())
            if key not in before and (file := getattr(value, "__file__", None)) and _is_in(key, directories)
        }
    finally:
        # Functions of other objectives may still import from their own modules.
        sys.modules.update({**hidden, **sys.modules})
    _own.update(files)
    if name not in files and getattr(module, "__file__", None):
        files[name] = Path(str(module.__file__))
    return _Imported(module, files, _hashes(files))


def _candidates(directory: Path, name: str) -> list[Path]:
    place = directory.joinpath(*name.split("."))
    return [place.with_name(f"{place.name}.py"), place / "__init__.py"]


def _is_same(other: str, own: Path, name: str) -> bool:
    """Whether the module that Python finds is a link to the user's own."""
    package = own.parents[name.count(".") - (own.name != "__init__.py")] if "." in name else own
    return Path(other).resolve() in (package.resolve(), (package / "__init__.py").resolve())


def _find(top: str, path: Sequence[str]) -> str | None:
    """Where Python finds a module on this search path."""
    if top in sys.builtin_module_names:
        return "which is built into Python"
    importlib.invalidate_caches()
    spec = PathFinder.find_spec(top, path)
    # A folder without an __init__.py has no loader, and hides nothing.
    return spec.origin if spec and spec.loader else None


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    quiet = sys.dont_write_bytecode
    # The bytecode cache would miss an edit within a second that keeps the file's length.
    sys.dont_write_bytecode = True
    try:
        # Output of a module must not mix with that of the command.
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.dont_write_bytecode = quiet


def _is_in(name: str, directories: Sequence[Path]) -> bool:
    """Whether the top-level package of an imported module is in one of the directories."""
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
