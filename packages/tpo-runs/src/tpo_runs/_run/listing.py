"""`--list`: the cells of a config, and how much of each is stored."""

from collections.abc import Iterator
from typing import NamedTuple

from rich.table import Table

from .._config import Cell, LoadedConfig
from .._console import make_console
from .._events import EventStream
from .._store import Store, check_output
from .._text import point_label


class _Row(NamedTuple):
    """A cell, its seeds, and the stored ones among them."""

    cell: Cell
    wanted: range
    done: list[int]

    @property
    def state(self) -> str:
        if len(self.done) == len(self.wanted):
            return "complete"
        return f"{len(self.done)} of {len(self.wanted)} seeds" if self.done else "not begun"


def list_cells(loaded: LoadedConfig, store: Store, *, json: bool) -> None:
    """Print one row or one event for each cell.

    Args:
        loaded: the config.
        store: its store.
        json: whether to print events.

    Raises:
        ConfigError: a file of the store is damaged.
    """
    check_output(store.root)
    if not json:
        make_console().print(_table(_rows(loaded, store), title=str(store.root)))
        return
    display = EventStream()
    for cell, wanted, done in _rows(loaded, store):
        display.emit(
            "cell",
            method=cell.method,
            point=cell.point,
            cell=cell.key,
            steps=cell.schedule.steps,
            seeds=list(wanted),
            seeds_done=done,
        )
    display.emit("end", code=0)


def _rows(loaded: LoadedConfig, store: Store) -> Iterator[_Row]:
    for cell in loaded.cells:
        wanted = cell.seeds
        yield _Row(cell, wanted, sorted(store.finished_seeds(cell.key).intersection(wanted)))


def _table(rows: Iterator[_Row], title: str) -> Table:
    table = Table("cell", "method", "grid point", "steps", "seeds", "state", title=title)
    for row in rows:
        cell = row.cell
        numbers = f"{cell.schedule.steps:,}", str(len(row.wanted))
        table.add_row(cell.key, cell.method, point_label(cell.point), *numbers, row.state)
    return table
