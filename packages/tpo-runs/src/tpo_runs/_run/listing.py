"""`--list`: the cells of a config, and how much of each is stored."""

from rich.table import Table

from .._config import LoadedConfig
from .._console import make_console
from .._events import EventStream
from .._store import Store, check_output
from .._text import point_label


def list_cells(loaded: LoadedConfig, store: Store, *, json: bool) -> None:
    """Print one row for each cell, or with `json` one event."""
    check_output(store.root)
    events = EventStream()
    table = Table("cell", "method", "grid point", "steps", "seeds", "state", title=str(store.root))
    for cell in loaded.cells:
        stored = set() if store.is_marked_for_replacement(cell.key) else store.finished_seeds(cell.key)
        done, seeds, steps = sorted(stored.intersection(cell.seeds)), list(cell.seeds), cell.schedule.steps
        if json:
            names = {"method": cell.method, "point": cell.point, "cell": cell.key}
            events.emit("cell", **names, steps=steps, seeds=seeds, seeds_done=done)
        state = f"{len(done)} of {len(seeds)} seeds" if done else "not begun"
        state = "complete" if done == seeds else state
        table.add_row(cell.key, cell.method, point_label(cell.point), f"{steps:,}", str(len(seeds)), state)
    if json:
        events.emit("end", code=0)
    else:
        make_console().print(table)
