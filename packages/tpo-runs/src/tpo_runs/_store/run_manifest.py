"""The manifest of a run: its cells, and whether they fit those of a config."""

from collections.abc import Iterator, Mapping
from typing import Any

from .._config import Config, LoadedConfig, effective, key_of
from .._errors import ConfigError
from .._text import cell_label, found, one_of
from .store import Store, entry_of

ABSENT = "nothing"


def manifest(loaded: LoadedConfig, store: Store) -> dict[str, Any]:
    """The run's manifest. It keeps methods and grid points of earlier runs with the same settings."""
    config = loaded.config
    settings = _settings(config)
    earlier = store.manifest() if store.has_manifest() else {}
    kept = earlier.get("cells", []) if _earlier_settings(earlier) == settings else []
    entries = {_place(entry): entry for entry in [*kept, *map(entry_of, loaded.cells)]}
    return {
        "title": config.title,
        "paper": config.paper,
        "figures": effective(config)["figures"],
        "metric": config.metric,
        "threshold": config.threshold,
        "settings": settings,
        "cells": list(entries.values()),
    }


def check_same_settings(loaded: LoadedConfig, store: Store) -> None:
    """Refuse a config that differs from the stored run in more than seeds, grid points and methods."""
    if not store.has_manifest():
        return
    earlier, longer = store.manifest(), longer_cells(loaded, store)
    lines = dict(differences(_earlier_settings(earlier), _settings(loaded.config), ""))
    before = {_place(entry): entry["key"] for entry in earlier["cells"]}
    if longer and lines.pop("schedule.steps", None):
        _check_all_longer(loaded, store)
    for cell in loaded.cells:
        key = before.get(_place(entry_of(cell)), cell.key)
        same = (cell.key, key_of(cell.earlier_identity()), longer.get(cell.key))
        if key not in same and not lines:
            lines |= differences(store.spec(key), cell.identity(), f"method '{cell.method}': ")
    if lines:
        where = f"{store.root}: holds a run with other settings"
        fixes = "choose another --out, or --overwrite, which removes those results"
        raise ConfigError([*(f"{where}: {key}: {text}" for key, text in lines.items()), f"{where}; {fixes}"])


def longer_cells(loaded: LoadedConfig, store: Store) -> dict[str, str]:
    """The keys of cells that the stored run has with fewer steps and nothing else changed, to those there."""
    if not store.has_manifest():
        return {}
    before = {_place(entry): entry["key"] for entry in store.manifest()["cells"]}
    pairs = ((cell, before.get(_place(entry_of(cell)), cell.key)) for cell in loaded.cells)
    return {
        cell.key: key
        for cell, key in pairs
        if key != cell.key and _is_shorter(store.spec(key), cell.identity())
    }


def _is_shorter(there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    steps = here["schedule"]["steps"]
    longer = {**there, "schedule": {**there.get("schedule", {}), "steps": steps}}
    return longer == here and there["schedule"]["steps"] < steps


def _check_all_longer(loaded: LoadedConfig, store: Store) -> None:
    """Refuse to train only some of the cells longer: figures would compare runs of different lengths."""
    here = {_place(entry_of(cell)) for cell in loaded.cells}
    left = [entry for entry in store.manifest()["cells"] if _place(entry) not in here]
    if left:
        labels = "; ".join(cell_label(entry["method"], entry["point"]) for entry in left)
        fault = f"{store.root}: holds other cells, which would not be trained longer: {labels}"
        raise ConfigError([f"{fault}; train all cells, or choose another --out"])


def replaced_cells(loaded: LoadedConfig, store: Store) -> set[str]:
    """The keys of the cells of this config, and of stored cells that the new manifest drops."""
    replaced = {cell.key for cell in loaded.cells}
    if store.has_manifest():
        kept = {entry["key"] for entry in manifest(loaded, store)["cells"]}
        replaced |= {entry["key"] for entry in store.manifest()["cells"]} - kept
    return replaced


def choose_entry(store: Store, method: str | None, point: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry in a run's manifest of the only cell that has this method and these values of axes."""
    out, entries = store.root, store.manifest()["cells"]
    methods = list(dict.fromkeys(entry["method"] for entry in entries))
    if method is not None and method not in methods:
        raise ConfigError([f"{out}: no method is named {found(method)}{one_of(method, methods)}"])
    axes = list(dict.fromkeys(axis for entry in entries for axis in entry["point"]))
    for axis in point:
        if axis not in axes:
            raise ConfigError([f"{out}: {found(axis)} is not an axis of the grid{one_of(axis, axes)}"])
    fitting = [
        entry
        for entry in entries
        if method in (None, entry["method"])
        and all(entry["point"].get(axis) == value for axis, value in point.items())
    ]
    if len(fitting) == 1:
        return fitting[0]
    labels = "; ".join(cell_label(entry["method"], entry["point"]) for entry in fitting or entries)
    fault = "several policies fit; name the method and the grid point of one" if fitting else "none fits"
    raise ConfigError([f"{out}: {fault}: {labels}"])


def _settings(config: Config) -> dict[str, Any]:
    names = ["task", "policy", "optimizer", "schedule"]
    names += ["evaluation"] if config.evaluation.measures else []
    shared = {name: getattr(config, name).identity() for name in names}
    free = {"seeds": None, "first_seed": None, "checkpoint_minutes": None}
    return {**shared, "schedule": {**shared["schedule"], **free}}


def _earlier_settings(earlier: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a manifest. In earlier versions the folder of a data set was one of them."""
    settings = dict(earlier.get("settings", {}))
    if "directory" in settings.get("task", {}):
        settings["task"] = {**settings["task"], "directory": None}
    return settings


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["method"], repr(sorted(entry["point"].items()))


def differences(there: Any, here: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The keys whose values differ, with both values in words."""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        for key in dict.fromkeys([*there, *here]):
            inner = f"{path}.{key}" if path and not path.endswith(": ") else f"{path}{key}"
            yield from differences(there.get(key, ABSENT), here.get(key, ABSENT), inner)
    elif there != here:
        yield path, f"{_value(there)} in the results, {_value(here)} in this config"


def _value(value: Any) -> str:
    return value if value == ABSENT else repr(value)
