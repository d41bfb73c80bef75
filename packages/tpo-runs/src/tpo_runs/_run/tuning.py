"""The choice of values by `[tune]`: candidates are trained on separate seeds, into a separate store."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .._config import (
    CHOSEN,
    DEFAULT,
    PARAMETERS,
    Cell,
    Config,
    LoadedConfig,
    TrackingSpec,
    candidate,
    draws,
    is_tuned,
    own_axes,
    widened,
    with_values,
)
from .._results import Merit, merit
from .._store import Store

Train = Callable[[LoadedConfig], bool]


@dataclasses.dataclass
class Search:
    """The search for values of one cell: of one axis, or of several together."""

    config: Config
    cell: Cell  # as the config has it
    chosen: dict[str, Any]  # the values chosen so far, by dotted path
    options: list[dict[str, Any]]  # what to try: values by dotted path
    room: int = 0  # how many values may be added beyond an edge
    merits: list[Merit] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.cells = list(map(self._candidate, self.options))

    def _candidate(self, option: Mapping[str, Any]) -> Cell:
        return candidate(self.cell, {**self.chosen, **option}, self.config)

    @property
    def best(self) -> dict[str, Any]:
        """The best option; of equal ones, the first."""
        return self.options[min(range(len(self.merits)), key=self.merits.__getitem__)]

    @property
    def beyond(self) -> dict[str, Any] | None:
        """The option beyond the edge at which the best one is."""
        if len(self.best) > 1:
            return None
        ((path, best),) = self.best.items()
        value = widened([option[path] for option in self.options], best)
        return None if value is None else {path: value}

    def widen(self) -> bool:
        """Add a value if the best one is at an edge and another one may be added."""
        option = self.beyond if self.room else None
        if option is None:
            return False
        try:
            self.cells.append(self._candidate(option))
        except (ValidationError, ValueError):  # outside of the range of the key
            return False
        self.options.append(option)
        self.room -= 1
        return True

    def record(self) -> dict[str, Any]:
        """What was tried and chosen, as JSON values."""
        return {
            "method": self.cell.method,
            "point": dict(self.cell.point),
            "options": self.options,
            "means": [merit.mean for merit in self.merits],
            "diverged": [merit.diverged for merit in self.merits],
            "chosen": self.best,
            "at_edge": self.beyond is not None,
        }


def with_choices(loaded: LoadedConfig, store: Store) -> LoadedConfig:
    """The config with what `[tune]` has chosen, if all candidates are in the store; else as it is."""
    found = tuned(loaded, store, lambda _: False) if is_tuned(loaded.config) else None
    return loaded if found is None else found[0]


def tuned(
    loaded: LoadedConfig, store: Store, train: Train
) -> tuple[LoadedConfig, list[dict[str, Any]]] | None:
    """The config with the values that `[tune]` chooses.

    If methods have axes of their own, each cell becomes two, which differ on the axis "parameters": "chosen"
    has all chosen values, and "default" those of the shared axes alone.

    `store` has the candidates. What it holds is not trained again. `train` trains cells into it, and returns
    whether it could.

    Returns:
        The config with its new cells, and a record of each choice; None if candidates could not be trained.
    """
    config, cells = loaded.config, loaded.cells
    quiet = dataclasses.replace(
        loaded, config=config.model_copy(update={"figures": (), "tracking": TrackingSpec()})
    )
    chosen: list[dict[str, Any]] = [{} for _ in cells]
    records: list[dict[str, Any]] = []

    def search(options: Sequence[Sequence[Mapping[str, Any]]]) -> bool:
        """Try the options of each cell, and add the best one to the chosen values."""
        searches = [
            Search(config, cell, values, list(map(dict, of_cell)), config.tune.widen)
            for cell, values, of_cell in zip(cells, chosen, options, strict=True)
            if of_cell
        ]
        done = _search(searches, quiet, store, train)
        for each in searches if done else ():
            records.append(each.record())
            each.chosen.update(each.best)
        return done

    for of_all in (draws(config), *map(_options, config.tune.axes.items())):
        if of_all and not search([of_all] * len(cells)):
            return None
    shared = [dict(values) for values in chosen]
    own = [list(map(_options, own_axes(config, cell.method).items())) for cell in cells]
    for i in range(max(map(len, own), default=0)):
        if not search([axes[i] if i < len(axes) else () for axes in own]):
            return None
    found = _chosen_cells(cells, shared, chosen if any(own) else None)
    return dataclasses.replace(loaded, cells=found), records


def _options(axis: tuple[str, Sequence[Any]]) -> list[dict[str, Any]]:
    path, values = axis
    return [{path: value} for value in values]


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
    growing = list(searches)
    while growing:
        cells = [cell for each in growing for cell in each.cells[len(each.merits) :]]
        missing = [cell for cell in cells if not store.finished_seeds(cell.key).issuperset(cell.seeds)]
        if missing and not train(dataclasses.replace(loaded, cells=tuple(missing))):
            return False
        for each in growing:
            results = map(store.result, each.cells[len(each.merits) :])
            each.merits += [merit(result, metric=loaded.config.metric) for result in results]
        growing = [each for each in growing if each.widen()]
    return True
