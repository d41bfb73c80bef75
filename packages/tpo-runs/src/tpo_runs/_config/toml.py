"""Reading a TOML file, with one clear line for everything that can be wrong with it."""

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any

from .._errors import ConfigError
from .._text import nearest, printable

LARGEST = 1_000_000
DEEPEST = 20
# What a dotted key can stand inside of without being one: strings, closed or not, and comments.
_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)|'
    r"'''.*?(?:'''|\Z)|"
    r'"(?:\\.|[^"\\\n])*+"?|'
    r"'[^'\n]*+'?|"
    r"#[^\n]*+",
    re.DOTALL,
)
_TOO_DOTTED = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{DEEPEST}}}")
FIXES = {
    "Invalid value": "text needs quotes",
    "Cannot overwrite a value": "a key or table of this name stands above already",
    "Cannot declare ('method',)": "every method begins with [[method]]",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file into tables of plain values.

    Args:
        path: the file, in UTF-8 and of at most 1 MB.

    Raises:
        ConfigError: with one line, when it cannot be read or is not TOML.
    """
    try:
        return _parse(_read(path))
    except _UnreadableError as problem:
        raise ConfigError([f"{printable(str(path))}: {printable(str(problem))}"]) from None


class _UnreadableError(Exception):
    """Why a file cannot be used."""


def _read(path: Path) -> bytes:
    try:
        # Opening a named pipe waits until somebody writes to it. Those of a shell's <(...) have no name.
        if path.resolve().is_fifo():
            raise _UnreadableError("is a named pipe; expected a TOML file")
        with path.open("rb") as file:
            # One byte more than allowed tells a file that is too large, also where its size is not known.
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise _UnreadableError(f"no such file{_near(path)}") from None
    except IsADirectoryError:
        raise _UnreadableError("is a directory; expected a TOML file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _UnreadableError(f"cannot be read: {reason}") from None
    if len(content) > LARGEST:
        raise _UnreadableError(f"larger than {LARGEST // 1_000_000} MB; expected a config file")
    return content


def _near(path: Path) -> str:
    """The nearest of the configs beside a path, or in `configs`, where a name alone may be meant."""
    folders = [path.parent, Path("configs")] if path.parent == Path() else [path.parent]
    files = [file for folder in folders for file in _configs_in(folder)]
    # Who leaves the ending away has mistyped the rest.
    meant = {file.name if path.suffix else file.stem: str(file) for file in reversed(files)}
    match = nearest(path.name, meant)
    return f"; did you mean {meant[match]!r}?" if match else ""


def _configs_in(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.suffix == ".toml"]
    except OSError:
        return []


def _parse(content: bytes) -> dict[str, Any]:
    if content.startswith(codecs.BOM_UTF8):
        raise _UnreadableError("starts with a byte-order mark; save it as UTF-8 without one")
    try:
        table = parse_toml(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _UnreadableError(f"not UTF-8 at line {line}; save it as UTF-8") from None
    except RecursionError:
        raise _UnreadableError(f"nested too deeply; at most {DEEPEST} levels") from None
    except ValueError as error:
        raise _UnreadableError(f"not TOML: {error}{_fix(str(error))}") from None
    if depth(table) > DEEPEST:
        raise _UnreadableError(f"nested too deeply; at most {DEEPEST} levels")
    return table


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML in time linear in its length.

    Raises:
        ValueError: it is not TOML.
        RecursionError: it nests too deeply.
    """
    # tomllib takes time quadratic in the parts of a dotted key: minutes where a key has thousands.
    if _TOO_DOTTED.search(_QUOTED.sub("s", text)):
        raise RecursionError
    return tomllib.loads(text)


def _fix(message: str) -> str:
    """What the parser's words mean for whoever wrote the file."""
    return next((f"; {fix}" for start, fix in FIXES.items() if message.startswith(start)), "")


def depth(value: object) -> int:
    """The number of levels of tables and lists in `value`.

    >>> depth(1), depth([]), depth({"a": [1]})
    (0, 1, 2)
    """
    levels, layer = 0, [value]
    # Level by level: dotted keys can nest tables deeper than Python's stack.
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels
