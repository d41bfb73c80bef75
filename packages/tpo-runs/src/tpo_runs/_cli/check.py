"""What a config would train, as `tpo-runs check` tells it. Needs no JAX."""

import math
from pathlib import Path

from rich.table import Table

from .._config import LoadedConfig
from .._console import make_console
from .._text import counted, point_label

MOST_ROWS = 200


def tell(loaded: LoadedConfig, out: Path) -> None:
    """Print how much the config would train, and a row for each cell.

    Args:
        loaded: the config.
        out: where its results would go.
    """
    cells = {cell.key: cell for cell in loaded.cells}.values()
    blocks = [math.ceil(cell.schedule.seeds / cell.schedule.block) for cell in cells]
    episodes = sum(cell.schedule.steps * cell.schedule.seeds for cell in cells)
    updates = sum(cell.schedule.steps * cell.schedule.seeds * cell.schedule.epochs for cell in cells)
    console = make_console()
    console.print(
        f"{loaded.path} is right. It trains {counted(len(cells), 'cell')}: "
        f"{counted(sum(cell.schedule.seeds for cell in cells), 'seed')} in {counted(sum(blocks), 'block')}, "
        f"{counted(episodes, 'episode')} and {counted(updates, 'gradient step')}, into {out}.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    table = Table("method", "grid point", "objective", "rollout", "steps", "epochs", "seeds", "block")
    for cell in loaded.cells[:MOST_ROWS]:
        schedule = cell.schedule
        numbers = (schedule.steps, schedule.epochs, schedule.seeds, schedule.block)
        kinds = (cell.objective.kind, cell.rollout.kind)
        table.add_row(cell.method, point_label(cell.point), *kinds, *(f"{number:,}" for number in numbers))
    console.print(table)
    if (more := len(loaded.cells) - MOST_ROWS) > 0:
        console.print(f"and {counted(more, 'cell')} more")
