"""Problems in a config, and their messages: one line each, with the place, the fault and the fix."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._text import found, one_of, printable, shorten

MAX_LINES = 100

KeyPath = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class Problem:
    """A problem with the key at `path`.

    Args:
        path: the key. Methods go by their names: ("method", "TPO", "objective", "eta").
        text: the fault and the fix.
        missing: whether the key is missing.
    """

    path: KeyPath
    text: str
    missing: bool = False


def method_label(raw: object, index: int) -> str | int:
    """The name of a raw method, or its number, from 1, if it has none."""
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return name if isinstance(name, str) else index + 1


def unknown_method(path: KeyPath, name: object, known: Iterable[str]) -> Problem:
    """The problem with a name at `path` that no method has."""
    return Problem(path, f"no method is named {found(name)}{one_of(str(name), known)}")


def sets(table: Any, path: KeyPath) -> bool:
    """Whether a table sets the key at `path`."""
    for key in path:
        if not isinstance(table, Mapping) or key not in table:
            return False
        table = table[key]
    return True


@dataclasses.dataclass(frozen=True)
class Source:
    """Where keys are set: the file, its smoke table, or the command line.

    Args:
        table: the keys that it sets; methods by name.
        label: the file to name before a problem; "" for the command line.
        prefix: written before the path of a key.
    """

    table: Mapping[str, Any]
    label: str = ""
    prefix: str = ""

    def line(self, problem: Problem) -> str:
        """The message about a problem with a key of this source."""
        path, text = problem.path, printable(problem.text)
        if not self.label:
            return f"{self.prefix}{'.'.join(printable(str(key)) for key in path)}: {text}"
        where = [self.label]
        if path[:1] == ("method",) and len(path) > 1:
            where.append(f"method {found(path[1])}")
            path = path[2:]
        if path:
            where.append(self.prefix + ".".join(map(_format_key, path)))
        return ": ".join([*where, text])


def _format_key(key: str | int) -> str:
    bare = isinstance(key, int) or re.fullmatch(r"[A-Za-z0-9_-]+", key)
    return shorten(str(key)) if bare else shorten('"' + printable(str(key)) + '"')


def methods_by_name(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The raw config with its list of methods as a table."""
    methods = raw.get("method")
    if not isinstance(methods, list):
        return dict(raw)
    return {**raw, "method": {method_label(method, i): method for i, method in enumerate(methods)}}


def format_problems(problems: Iterable[Problem], sources: Sequence[Source]) -> list[str]:
    """Format problems as distinct lines, sorted by source, the file first, and then by position.

    Args:
        problems: in any order.
        sources: the merged sources; earlier ones override later ones, and the file is last.

    Returns:
        The lines. Beyond `MAX_LINES`, a last line says that there are more.
    """
    file = len(sources) - 1
    placed = []
    for problem in problems:
        # The source that chose the kind of the table is the reason why the key is missing.
        path = (*problem.path[:-1], "kind") if problem.missing else problem.path
        index = next((i for i, source in enumerate(sources) if sets(source.table, path)), file)
        order = (file - index, *_position(problem.path, sources[index].table))
        placed.append((order, sources[index].line(problem)))
    lines = list(dict.fromkeys(line for _, line in sorted(placed, key=lambda item: item[0])))
    if len(lines) > MAX_LINES:
        lines[MAX_LINES:] = ["... and more problems"]
    return lines


def _position(path: KeyPath, table: Any) -> tuple[int, ...]:
    """The index of each key of the path in its table; missing keys come last."""
    position = []
    for key in path:
        keys = list(table) if isinstance(table, Mapping) else []
        position.append(keys.index(key) if key in keys else len(keys))
        table = table[key] if key in keys else None
    return tuple(position)
