"""The table of cells that `--list` shows."""

from rich.table import Table

from ._jobs import wanted_seeds
from ._labels import point_label
from ._load import LoadedConfig
from ._store import Store


def listing(loaded: LoadedConfig, store: Store) -> Table:
    """One row for each cell: what it is, and how much of it is complete.

    Raises:
        ConfigError: a file of the store is damaged.
    """
    table = Table("cell", "method", "grid point", "steps", "seeds", "state", title=str(store.root))
    for cell in loaded.cells:
        wanted = wanted_seeds(cell)
        done = len(store.finished_seeds(cell.key).intersection(wanted))
        state = (
            "complete" if done == len(wanted) else f"{done} of {len(wanted)} seeds" if done else "not begun"
        )
        table.add_row(
            cell.key,
            cell.method,
            point_label(cell.point),
            f"{cell.schedule.steps:,}",
            str(len(wanted)),
            state,
        )
    return table
