"""A cell of a stored run, by its method and its grid point."""

from collections.abc import Mapping
from typing import Any

from .._errors import ConfigError
from .._store import Store
from .._text import cell_label, found, one_of


def choose_entry(store: Store, method: str | None, point: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entry in a run's manifest of the only cell that has this method and these values of axes.

    Raises:
        ConfigError: none or several fit; with one line.
    """
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
