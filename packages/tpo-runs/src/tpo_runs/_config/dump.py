"""Effective configs as TOML that reproduces the same cells."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from .._errors import ConfigError
from .._files import digest
from .cell import Cell
from .config import SHARED_SECTIONS, Config, effective
from .evaluation import EvaluationSpec
from .expand import expand
from .merge import with_paths

SEAL = "# The config as it took effect. SHA-256 of what follows: "


def config_of_block(cell: Cell, seeds: Sequence[int]) -> str:
    """The config that trains one block of seeds of one cell, with every default filled in.

    Its only cell has the same key: the values of the grid point are written into the tables.
    """
    sections = {section: getattr(cell, section).model_dump(mode="json") for section in SHARED_SECTIONS}
    sections["schedule"] |= {"seeds": len(seeds), "first_seed": seeds[0]}
    if cell.evaluation == EvaluationSpec():
        del sections["evaluation"]
    method = {
        "name": cell.method,
        "objective": cell.objective.model_dump(mode="json"),
        "rollout": cell.rollout.model_dump(mode="json"),
    }
    return _dumps({"probes": list(cell.probes), **sections, "method": [method]})


def config_text(config: Config) -> str:
    """The effective config as TOML."""
    return _dumps(effective(config))


def at_keys(settings: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> str:
    """The keys of a method that set values, by dotted path, at points of the grid: `at`, or tables for all.

    >>> print(at_keys([({"task.horizon": 4}, {"optimizer.learning_rate": 0.01})]))
    at = [
      { point = { "task.horizon" = 4 }, optimizer = { learning_rate = 0.01 } },
    ]
    >>> print(at_keys([({}, {"optimizer.learning_rate": 0.01})]))
    optimizer = { learning_rate = 0.01 }
    """
    lines = []
    for point, values in settings:
        tables = with_paths({}, values)
        if not point:
            return "\n".join(f"{name} = {_inline(table)}" for name, table in tables.items())
        lines.append(f"  {_inline({'point': dict(point), **tables})},")
    return "\n".join(["at = [", *lines, "]"])


def _inline(value: Any) -> str:
    """A value as TOML on one line."""
    if isinstance(value, Mapping):
        keys = [name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name) for name in value]
        items = ", ".join(
            f"{key} = {_inline(inner)}" for key, inner in zip(keys, value.values(), strict=True)
        )
        return f"{{ {items} }}"
    return tomli_w.dumps({"value": value}).partition(" = ")[2].strip()


def config_of_run(config: Config) -> bytes:
    """The effective config of a run, without the executor, which results do not depend on.

    The first line contains the hash of the rest.
    """
    table = effective(config)
    del table["executor"]
    text = _dumps(table)
    return f"{SEAL}{digest(text.encode())}\n{text}".encode()


def is_sealed(content: bytes) -> bool:
    """Whether `content` is unmodified output of `config_of_run`."""
    seal, _, text = content.partition(b"\n")
    return seal == f"{SEAL}{digest(text)}".encode()


def trains_cell(text: str, identity: Mapping[str, Any]) -> bool:
    """Whether `text`, made by `config_of_block`, trains the cell with this identity."""
    cell = cell_of_block(text)
    return cell is not None and identity in (cell.identity(), cell.earlier_identity())


def cell_of_block(text: str) -> Cell | None:
    """The cell of a config made by `config_of_block`; None if this version does not accept it."""
    try:
        (cell,) = expand(Config.model_validate(tomllib.loads(text)))
    except (ValueError, ConfigError):
        return None
    return cell


def has_settings(text: str, settings: Mapping[str, Any]) -> bool:
    """Whether `text`, made by `config_of_run`, has the settings in a run's manifest."""
    try:
        config = Config.model_validate(tomllib.loads(text))
    except ValueError:
        return False
    present = {name: getattr(config, name).identity() for name in settings}
    return _without_none(present) == _without_none(settings)


def _dumps(table: Mapping[str, Any]) -> str:
    return tomli_w.dumps(_without_none(table))


def _without_none(value: Any) -> Any:
    """Leave out keys that are None, which TOML cannot represent. Their defaults are None."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list | tuple) else value
