"""Reading a TOML file, with a one-line message for anything that is wrong with it."""

import codecs
import re
import tomllib
from pathlib import Path
from typing import Any

from .._errors import ConfigError
from .._text import nearest, printable

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
# Strings, terminated or not, and comments: dots inside them do not make a dotted key.
_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)|'
    r"'''.*?(?:'''|\Z)|"
    r'"(?:\\.|[^"\\\n])*+"?|'
    r"'[^'\n]*+'?|"
    r"#[^\n]*+",
    re.DOTALL,
)
_LONG_DOTTED_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}")
FIXES = {
    "Invalid value": "text needs quotes",
    "Cannot overwrite a value": "a key or table of this name stands above already",
    "Cannot declare ('method',)": "every method begins with [[method]]",
}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

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
        # Opening a named pipe would block until something writes to it. The pipes of <(...) have no name.
        if path.resolve().is_fifo():
            raise _UnreadableError("is a named pipe; expected a TOML file")
        with path.open("rb") as file:
            # Reading one byte too many detects a file that is too large even if its size is unknown.
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _UnreadableError(f"no such file{_suggestion(path)}") from None
    except IsADirectoryError:
        raise _UnreadableError("is a directory; expected a TOML file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _UnreadableError(f"cannot be read: {reason}") from None
    if len(content) > MAX_BYTES:
        raise _UnreadableError(f"larger than {MAX_BYTES // 1_000_000} MB; expected a config file")
    return content


def _suggestion(path: Path) -> str:
    """The config with the nearest name: beside the path, or also in `configs` if the path is a bare name."""
    folders = [path.parent, Path("configs")] if path.parent == Path() else [path.parent]
    files = [file for folder in folders for file in _configs_in(folder)]
    # Compare without the extension if the path has none.
    by_name = {file.name if path.suffix else file.stem: str(file) for file in reversed(files)}
    match = nearest(path.name, by_name)
    return f"; did you mean {by_name[match]!r}?" if match else ""


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
        if depth(table) > MAX_DEPTH:
            raise RecursionError
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _UnreadableError(f"not UTF-8 at line {line}; save it as UTF-8") from None
    except RecursionError:
        raise _UnreadableError(f"nested too deeply; at most {MAX_DEPTH} levels") from None
    except ValueError as error:
        fix = next((f"; {fix}" for start, fix in FIXES.items() if str(error).startswith(start)), "")
        raise _UnreadableError(f"not TOML: {error}{fix}") from None
    return table


def parse_toml(text: str) -> dict[str, Any]:
    """Parse TOML in time linear in its length.

    Raises:
        ValueError: it is not TOML.
        RecursionError: it is nested too deeply.
    """
    # tomllib takes quadratic time for a dotted key: minutes for thousands of parts.
    if _LONG_DOTTED_KEY.search(_QUOTED.sub("s", text)):
        raise RecursionError
    return tomllib.loads(text)


def depth(value: object) -> int:
    """The number of levels of tables and lists in `value`.

    >>> depth(1), depth([]), depth({"a": [1]})
    (0, 1, 2)
    """
    levels, layer = 0, [value]
    # Not recursive: dotted keys can nest tables deeper than Python's stack.
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        levels += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return levels
