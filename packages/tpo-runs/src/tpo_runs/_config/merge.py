"""Laying one partial config over another, and reading overrides from the command line."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._text import found, one_of
from .config import SECTIONS, SHARED_SECTIONS, TOP_SECTIONS
from .problems import Problem
from .toml import DEEPEST, depth, parse_toml


def merge(base: Mapping[str, Any], partial: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `partial` over `base`: tables merge, everything else is replaced.

    A table whose `kind` changes is replaced as a whole: keys of the old kind say nothing about the new.

    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [2]})
    {'a': {'x': 1, 'y': 3}, 'b': [2]}
    >>> merge({"kind": "muon", "beta": 0.9}, {"kind": "adam"})
    {'kind': 'adam'}
    """
    if changes_kind(base, partial):
        return copy.deepcopy(dict(partial))
    merged = dict(base)
    for key, value in partial.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def changes_kind(base: Mapping[str, Any], partial: Mapping[str, Any]) -> bool:
    """Whether `partial` names another `kind` than `base`."""
    return "kind" in base and "kind" in partial and base["kind"] != partial["kind"]


def nest(path: Sequence[str], value: object) -> dict[str, Any]:
    """The table that sets only the key at `path`.

    >>> nest(["schedule", "steps"], 30)
    {'schedule': {'steps': 30}}
    """
    *parents, last = path
    table: dict[str, Any] = {last: value}
    for key in reversed(parents):
        table = {key: table}
    return table


def parse_value(text: str) -> Any:
    """Read a value as TOML, or as a string where it is none.

    >>> parse_value("1e-3"), parse_value("[7, 8]"), parse_value("copy"), parse_value("'10'")
    (0.001, [7, 8], 'copy', '10')
    """
    try:
        table = parse_toml(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return table["value"] if list(table) == ["value"] else text


def parse_overrides(
    pairs: Iterable[tuple[str, str]], method_names: Sequence[str]
) -> tuple[dict[str, Any], list[Problem]]:
    """Gather `--section.key VALUE` pairs into one partial config, in which methods go by name.

    Args:
        pairs: flags without their dashes, and values as typed; later ones win.
        method_names: the names that `method.NAME.section.key` can use.

    Returns:
        The partial config, and the problems with flags that name no key.
    """
    tree: dict[str, Any] = {}
    problems = []
    for flag, text in pairs:
        path = _path_of(flag, method_names)
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            problems.append(Problem((flag,), f"not UTF-8: {found(text)}"))
        elif isinstance(path, Problem):
            problems.append(path)
        elif depth(partial := nest(path, parse_value(text))) > DEEPEST:
            problems.append(Problem((flag,), f"nested too deeply; at most {DEEPEST} levels"))
        else:
            tree = merge_paths(tree, partial)
    return tree, problems


def merge_paths(tree: Mapping[str, Any], partial: Mapping[str, Any]) -> dict[str, Any]:
    """Like `merge`, but without replacing the table whose kind changes: flags may come in any order."""
    merged = dict(tree)
    for key, value in partial.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge_paths(below, value)
        else:
            merged[key] = value
    return merged


def _path_of(flag: str, method_names: Sequence[str]) -> list[str] | Problem:
    root, _, rest = flag.partition(".")
    if root == "grid":
        return ["grid", rest]
    if root == "method":
        fits = [name for name in method_names if rest.startswith(f"{name}.")]
        if not fits:
            name = rest.partition(".")[0]
            return Problem((flag,), f"no method is named {found(name)}{one_of(name, method_names)}")
        name = max(fits, key=len)
        keys = rest[len(name) + 1 :].split(".")
        if len(keys) < 2:
            return Problem((flag,), f"expected --method.NAME.section.key; sections: {', '.join(SECTIONS)}")
        return ["method", name, *keys]
    if root in TOP_SECTIONS:
        return flag.split(".")
    if root in SECTIONS:
        return Problem((flag,), f"{root} belongs to a method; use --method.NAME.{flag}")
    return Problem((flag,), f"unknown section{one_of(root, [*TOP_SECTIONS, 'grid', 'method'])}")


def apply_overrides(raw: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the command line's partial config over a raw config whose methods are valid."""
    by_name = tree.get("method", {})
    merged = merge(raw, {key: value for key, value in tree.items() if key != "method"})
    merged["method"] = [merge(method, by_name.get(method["name"], {})) for method in raw["method"]]
    return merged


def without_effect(raw: Mapping[str, Any], tree: Mapping[str, Any]) -> list[Problem]:
    """Overrides that change nothing, since the grid or every method sets the same key."""
    problems = []
    for section in SHARED_SECTIONS:
        for key in tree.get(section, {}):
            problems += _swept(raw, (section, key), f"{section}.{key}")
            if all(key in method.get(section, {}) for method in raw["method"]):
                text = f"has no effect: every method sets it; use --method.NAME.{section}.{key}"
                problems.append(Problem((section, key), text))
    for name, sections in tree.get("method", {}).items():
        for section, table in sections.items():
            for key in table if isinstance(table, Mapping) else ():
                problems += _swept(raw, ("method", name, section, key), f"{section}.{key}")
    return problems


def _swept(raw: Mapping[str, Any], path: tuple[str, ...], axis: str) -> list[Problem]:
    if axis not in raw.get("grid", {}):
        return []
    return [Problem(path, f"has no effect: the grid sweeps it; use --grid.{axis} '[...]'")]
