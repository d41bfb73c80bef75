"""Effective configs as TOML files that train the same again."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from .._errors import ConfigError
from .._files import digest
from .cell import Cell
from .config import SHARED_SECTIONS, Config, effective
from .expand import expand

SEAL = "# The config as it took effect. SHA-256 of what follows: "


def config_of_block(cell: Cell, seeds: Sequence[int]) -> str:
    """The config that trains one block of seeds of one cell, with every default filled in.

    A cell of the same key comes of it: the grid point stands in the tables themselves.
    """
    sections = {section: getattr(cell, section).model_dump(mode="json") for section in SHARED_SECTIONS}
    sections["schedule"] |= {"seeds": len(seeds), "first_seed": seeds[0]}
    if not cell.evaluation.measures:
        del sections["evaluation"]
    method = {
        "name": cell.method,
        "objective": cell.objective.model_dump(mode="json"),
        "rollout": cell.rollout.model_dump(mode="json"),
    }
    return _toml({"probes": list(cell.probes), **sections, "method": [method]})


def config_text(config: Config) -> str:
    """A config as it took effect, as TOML."""
    return _toml(effective(config))


def config_of_run(config: Config) -> bytes:
    """The config of a run as it took effect: with the command line's changes, and every default filled in.

    Its first line holds the hash of the rest. Where it was trained is no part of it.
    """
    table = effective(config)
    del table["executor"]
    text = _toml(table)
    return f"{SEAL}{digest(text.encode())}\n{text}".encode()


def is_sealed(content: bytes) -> bool:
    """Whether this is the whole of what `config_of_run` made."""
    seal, _, text = content.partition(b"\n")
    return seal == f"{SEAL}{digest(text)}".encode()


def trains_cell(text: str, identity: Mapping[str, Any]) -> bool:
    """Whether what `config_of_block` made trains the cell of this identity."""
    try:
        (cell,) = expand(Config.model_validate(tomllib.loads(text)))
    except (ValueError, ConfigError):
        return False
    return identity in (cell.identity(), cell.earlier_identity())


def has_settings(text: str, settings: Mapping[str, Any]) -> bool:
    """Whether a config of `config_of_run` has the settings that a run's manifest names."""
    try:
        config = Config.model_validate(tomllib.loads(text))
    except ValueError:
        return False
    there = {name: getattr(config, name).identity() for name in settings}
    return _without_none(there) == _without_none(settings)


def _toml(table: Mapping[str, Any]) -> str:
    return tomli_w.dumps(_without_none(table))


def _without_none(value: Any) -> Any:
    """TOML has no null: what is None by default is left out."""
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list | tuple) else value
