"""Problems in a config, and how they are told: one line each, with the place, the fault and the fix."""

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._text import found, printable, shorten

MOST_LINES = 100

KeyPath = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is wrong at `path`, where methods go by their names: ("method", "TPO", "objective", "eta").

    Args:
        path: the key.
        text: the fault and the fix.
        missing: whether the key is not there.
    """

    path: KeyPath
    text: str
    missing: bool = False


def method_label(raw: object, index: int) -> str | int:
    """The name of a raw method, or its number, from 1, when it has none."""
    name = raw.get("name") if isinstance(raw, Mapping) else None
    return name if isinstance(name, str) else index + 1


@dataclasses.dataclass(frozen=True)
class Source:
    """Something that sets config keys: the file, its smoke table, or the command line.

    Args:
        table: the keys it sets; methods by name.
        label: the file to name before a problem; "" for the command line.
        prefix: written before the path of a key.
    """

    table: Mapping[str, Any]
    label: str = ""
    prefix: str = ""

    def sets(self, path: KeyPath) -> bool:
        """Whether the key at `path` is set here."""
        table: Any = self.table
        for key in path:
            if not isinstance(table, Mapping) or key not in table:
                return False
            table = table[key]
        return True

    def line(self, problem: Problem) -> str:
        """The line that tells a problem with a key set here."""
        path, text = problem.path, printable(problem.text)
        if not self.label:
            return f"{self.prefix}{'.'.join(printable(str(key)) for key in path)}: {text}"
        where = [self.label]
        if path[:1] == ("method",) and len(path) > 1:
            where.append(f"method {found(path[1])}")
            path = path[2:]
        if path:
            where.append(self.prefix + ".".join(_written(key) for key in path))
        return ": ".join([*where, text])


def _written(key: str | int) -> str:
    bare = isinstance(key, int) or re.fullmatch(r"[A-Za-z0-9_-]+", key)
    return shorten(str(key)) if bare else shorten('"' + printable(str(key)) + '"')


def methods_by_name(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The raw config with its list of methods as a table."""
    methods = raw.get("method")
    if not isinstance(methods, list):
        return dict(raw)
    return {**raw, "method": {method_label(method, i): method for i, method in enumerate(methods)}}


def lines_of(problems: Iterable[Problem], sources: Sequence[Source]) -> list[str]:
    """Tell problems line by line, in the order of the sources, from the file on, and of their keys.

    Args:
        problems: in any order.
        sources: those that were merged, the strongest first and the file last.

    Returns:
        Distinct lines, cut when there are very many.
    """
    file = len(sources) - 1
    placed = []
    for problem in problems:
        # A key is missing on account of whatever chose the kind of its table.
        path = (*problem.path[:-1], "kind") if problem.missing else problem.path
        index = next((i for i, source in enumerate(sources) if source.sets(path)), file)
        order = (file - index, *_position(problem.path, sources[index].table))
        placed.append((order, sources[index].line(problem)))
    lines = list(dict.fromkeys(line for _, line in sorted(placed, key=lambda item: item[0])))
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = ["... and more problems"]
    return lines


def _position(path: KeyPath, table: Any) -> tuple[int, ...]:
    """Where the key at `path` stands among its neighbours, level by level; a missing key stands last."""
    position = []
    for key in path:
        keys = list(table) if isinstance(table, Mapping) else []
        position.append(keys.index(key) if key in keys else len(keys))
        table = table[key] if key in keys else None
    return tuple(position)
