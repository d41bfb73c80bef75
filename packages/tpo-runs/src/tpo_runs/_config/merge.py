"""Merging partial configs, and reading overrides from the command line."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._text import found, one_of
from .config import SECTIONS, SHARED_SECTIONS, TOP_SECTIONS
from .problems import Problem, unknown_method
from .toml import MAX_DEPTH, depth, parse_toml


def merge(base: Mapping[str, Any], partial: Mapping[str, Any], *, by_kind: bool = True) -> dict[str, Any]:
    """Merge `partial` into `base`, recursively. Values that are not tables are replaced.

    Args:
        base: what is merged into; it is not changed.
        partial: the new values.
        by_kind: whether to replace a table whose `kind` changes, because the keys of one kind do not apply to
            another.

    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": [2]})
    {'a': {'x': 1, 'y': 3}, 'b': [2]}
    >>> merge({"kind": "muon", "beta": 0.9}, {"kind": "adam"})
    {'kind': 'adam'}
    """
    if by_kind and changes_kind(base, partial):
        return copy.deepcopy(dict(partial))
    merged = dict(base)
    for key, value in partial.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(old, value, by_kind=by_kind)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def changes_kind(base: Mapping[str, Any], partial: Mapping[str, Any]) -> bool:
    """Whether `partial` has a different `kind` than `base`."""
    return "kind" in base and "kind" in partial and base["kind"] != partial["kind"]


def nest(path: Sequence[str], value: object) -> dict[str, Any]:
    """The table that sets only the key at `path`.

    >>> nest(["schedule", "steps"], 30)
    {'schedule': {'steps': 30}}
    """
    key, *rest = path
    return {key: nest(rest, value) if rest else value}


def with_paths(table: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The table with other values, by dotted path.

    >>> with_paths({"schedule": {"steps": 30}}, {"schedule.seeds": 2})
    {'schedule': {'steps': 30, 'seeds': 2}}
    """
    for path, value in values.items():
        table = merge(table, nest(path.split("."), value), by_kind=False)
    return dict(table)


def parse_value(text: str) -> Any:
    """Read a value as TOML, or as a string if it is not TOML.

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
    """Collect `--section.key VALUE` pairs in one partial config, in which methods go by name.

    Args:
        pairs: flags without their dashes, and values as typed; later ones win.
        method_names: the names that `method.NAME.section.key` can use.

    Returns:
        The partial config, and the problems with invalid flags and values.
    """
    tree: dict[str, Any] = {}
    problems = []
    for flag, text in pairs:
        path = _parse_flag(flag, method_names)
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            problems.append(Problem((flag,), f"not UTF-8: {found(text)}"))
        elif isinstance(path, Problem):
            problems.append(path)
        # A long flag nests deeper than Python's stack.
        elif len(path) > MAX_DEPTH or depth(partial := nest(path, parse_value(text))) > MAX_DEPTH:
            problems.append(Problem((flag,), f"nested too deeply; at most {MAX_DEPTH} levels"))
        else:
            # Flags may come in any order, so a change of kind must not drop the keys before it.
            tree = merge(tree, partial, by_kind=False)
    return tree, problems


def _parse_flag(flag: str, method_names: Sequence[str]) -> list[str] | Problem:
    root, _, rest = flag.partition(".")
    if root == "grid":
        return ["grid", rest]
    if root == "method":
        matches = [name for name in method_names if rest.startswith(f"{name}.")]
        if not matches:
            name = rest.partition(".")[0]
            return unknown_method((flag,), name, method_names)
        name = max(matches, key=len)
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
    """Merge the command line's partial config into a raw config whose methods are valid."""
    by_name = tree.get("method", {})
    merged = merge(raw, {key: value for key, value in tree.items() if key != "method"})
    merged["method"] = [merge(method, by_name.get(method["name"], {})) for method in raw["method"]]
    return merged


def overrides_without_effect(raw: Mapping[str, Any], tree: Mapping[str, Any]) -> list[Problem]:
    """The problems with overrides that change nothing, because the grid or every method sets the same key."""
    problems = []
    for section in SHARED_SECTIONS:
        for key in tree.get(section, {}):
            problems += _swept(raw, (section, key))
            if all(key in method.get(section, {}) for method in raw["method"]):
                text = f"has no effect: every method sets it; use --method.NAME.{section}.{key}"
                problems.append(Problem((section, key), text))
    for name, sections in tree.get("method", {}).items():
        for section, table in sections.items():
            for key in table if isinstance(table, Mapping) else ():
                problems += _swept(raw, ("method", name, section, key))
    return problems


def _swept(raw: Mapping[str, Any], path: tuple[str, ...]) -> list[Problem]:
    axis = ".".join(path[-2:])
    if axis not in raw.get("grid", {}):
        return []
    return [Problem(path, f"has no effect: the grid sweeps it; use --grid.{axis} '[...]'")]
