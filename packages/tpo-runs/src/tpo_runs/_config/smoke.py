"""The smoke table: a partial config that makes a run short."""

from collections.abc import Mapping
from typing import Any

from .._text import found, one_of
from .config import Config
from .merge import merge
from .problems import Problem, unknown_method

KEYS = (*(key for key in Config.model_fields if key not in ("method", "smoke")), "methods")


def apply_smoke(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str] | None, list[Problem]]:
    """Merge a config's smoke table into the rest of it.

    Args:
        raw: a config with a smoke table.

    Returns:
        The merged raw config; the names of the selected methods, or None for all; and the problems with the
        smoke table's own keys, by their paths inside it.
    """
    table = raw["smoke"]
    problems = [Problem((key,), f"unknown key{one_of(key, KEYS)}") for key in table if key not in KEYS]
    partial = {key: value for key, value in table.items() if key in KEYS and key != "methods"}
    merged = merge({key: value for key, value in raw.items() if key != "smoke"}, partial)
    if "methods" not in table:
        return merged, None, problems
    names = table["methods"]
    if not isinstance(names, list) or not names:
        problems.append(Problem(("methods",), f"expected a list of method names, found {found(names)}"))
        return merged, None, problems
    methods = raw["method"] if isinstance(raw.get("method"), list) else []
    known = [
        name for method in methods if isinstance(method, dict) and isinstance(name := method.get("name"), str)
    ]
    problems += [unknown_method(("methods",), name, known) for name in names if name not in known]
    return merged, names, problems
