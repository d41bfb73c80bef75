"""The choice of values by `[tune]`: one axis after another, on seeds of their own, in a store of its own."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .._config import (
    CHOSEN,
    DEFAULT,
    PARAMETERS,
    Cell,
    LoadedConfig,
    TrackingSpec,
    candidate,
    own_axes,
    widened,
    with_values,
)
from .._results import Merit, merit
from .._store import Store

Train = Callable[[LoadedConfig], bool]


@dataclasses.dataclass
class Search:
    """The search for a cell's value on one axis.

    Args:
        cell: the cell, as the config has it.
        chosen: the values chosen so far, by dotted path, to which the search adds its own.
        path: the axis.
        values: the values to try.
        room: how many values may be added beyond an edge.
    """

    cell: Cell
    chosen: dict[str, Any]
    path: str
    values: list[Any]
    room: int
    cells: list[Cell] = dataclasses.field(default_factory=list)
    merits: list[Merit] = dataclasses.field(default_factory=list)

    def prepare(self, loaded: LoadedConfig) -> None:
        """Make the cells that try the values."""
        for value in self.values[len(self.cells) :]:
            self.cells.append(candidate(self.cell, {**self.chosen, self.path: value}, loaded.config))

    @property
    def best(self) -> Any:
        """The best value; of equal ones, the first."""
        return self.values[min(range(len(self.merits)), key=self.merits.__getitem__)]

    def widen(self, loaded: LoadedConfig) -> bool:
        """Add a value if the best one is at an edge and another one may be added."""
        value = widened(self.values, self.best) if self.room else None
        try:
            added = [] if value is None else [value]
            self.cells += [candidate(self.cell, {**self.chosen, self.path: v}, loaded.config) for v in added]
        except (ValidationError, ValueError):  # outside of the range of the key
            return False
        self.values += added
        self.room -= len(added)
        return bool(added)

    def record(self) -> dict[str, Any]:
        """What was tried and chosen, as JSON values."""
        return {
            "method": self.cell.method,
            "point": dict(self.cell.point),
            "axis": self.path,
            "values": self.values,
            "means": [merit.mean for merit in self.merits],
            "diverged": [merit.diverged for merit in self.merits],
            "chosen": self.best,
            "at_edge": widened(self.values, self.best) is not None,
        }


def tuned(loaded: LoadedConfig, store: Store, train: Train) -> LoadedConfig | None:
    """The config with the values that `[tune]` chooses.

    If methods have axes of their own, each cell becomes two, which differ on the axis "parameters": "chosen"
    has all chosen values, and "default" those of the shared axes alone.

    Args:
        loaded: the config.
        store: of the candidates. What it holds is not trained again.
        train: trains cells into the store, and returns whether it could.

    Returns:
        The config with its new cells; None if candidates could not be trained.
    """
    config, cells = loaded.config, loaded.cells
    quiet = dataclasses.replace(
        loaded, config=config.model_copy(update={"figures": (), "tracking": TrackingSpec()})
    )
    chosen: list[dict[str, Any]] = [{} for _ in cells]
    records: list[dict[str, Any]] = []

    def search(axes: Sequence[tuple[str, Sequence[Any]] | None]) -> bool:
        """Search each cell's axis, and add the best values to the chosen ones."""
        searches = [
            Search(cell, values, axis[0], list(axis[1]), config.tune.widen)
            for cell, values, axis in zip(cells, chosen, axes, strict=True)
            if axis is not None
        ]
        done = _search(searches, quiet, store, train)
        for each in searches if done else ():
            records.append(each.record())
            each.chosen[each.path] = each.best
        store.write_choices(records)
        return done

    for axis in config.tune.axes.items():
        if not search([axis] * len(cells)):
            return None
    shared = [dict(values) for values in chosen]
    own = [list(own_axes(config, cell.method).items()) for cell in cells]
    for i in range(max(map(len, own), default=0)):
        if not search([axes[i] if i < len(axes) else None for axes in own]):
            return None
    return dataclasses.replace(loaded, cells=_chosen_cells(cells, shared, chosen if any(own) else None))


def _chosen_cells(
    cells: Sequence[Cell], shared: Sequence[Mapping[str, Any]], chosen: Sequence[Mapping[str, Any]] | None
) -> tuple[Cell, ...]:
    if chosen is None:
        return tuple(map(with_values, cells, shared))
    return tuple(
        with_values(cell, values).model_copy(update={"point": {**cell.point, PARAMETERS: name}})
        for name, of_cells in ((DEFAULT, shared), (CHOSEN, chosen))
        for cell, values in zip(cells, of_cells, strict=True)
    )


def _search(searches: Sequence[Search], loaded: LoadedConfig, store: Store, train: Train) -> bool:
    """Train the candidates of all searches, and further ones beyond the edges; returns whether it could."""
    for each in searches:
        each.prepare(loaded)
    growing = list(searches)
    while growing:
        cells = [cell for each in growing for cell in each.cells[len(each.merits) :]]
        missing = [cell for cell in cells if not store.finished_seeds(cell.key).issuperset(cell.seeds)]
        if missing and not train(dataclasses.replace(loaded, cells=tuple(missing))):
            return False
        for each in growing:
            results = map(store.result, each.cells[len(each.merits) :])
            each.merits += [merit(result, metric=loaded.config.metric) for result in results]
        growing = [each for each in growing if each.widen(loaded)]
    return True
