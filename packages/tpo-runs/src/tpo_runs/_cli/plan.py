"""What a config would train, for `tpo-runs check`."""

import math
from pathlib import Path

from rich.table import Table

from .._config import OWN, LoadedConfig, OwnSpec, draws, is_tuned, own_axes
from .._console import make_console, print_line
from .._text import counted, point_label

MAX_ROWS = 200


def print_plan(loaded: LoadedConfig, out: Path) -> None:
    """Print how much a config would train into `out`, and one row for each cell."""
    cells = {cell.key: cell for cell in loaded.cells}.values()
    schedules = [cell.schedule for cell in cells]
    blocks = sum(math.ceil(schedule.seeds / schedule.block) for schedule in schedules)
    episodes = sum(schedule.steps * schedule.seeds for schedule in schedules)
    updates = sum(schedule.steps * schedule.seeds * schedule.epochs for schedule in schedules)
    console = make_console()
    print_line(
        console,
        f"{loaded.path}: valid. It trains {counted(len(cells), 'cell')}: "
        f"{counted(sum(schedule.seeds for schedule in schedules), 'seed')} in {counted(blocks, 'block')}, "
        f"{counted(episodes, 'episode')} and {counted(updates, 'gradient step')}, into {out}.",
    )
    if is_tuned(loaded.config):
        tune = loaded.config.tune
        numbers = [
            len(draws(loaded.config))
            + sum(map(len, tune.axes.values()))
            + sum(map(len, own_axes(loaded.config, cell.method).values()))
            for cell in loaded.cells
        ]
        text = f"First, it chooses the values of each cell from {counted(sum(numbers), 'candidate')}"
        print_line(console, f"{text} of {counted(tune.seeds, 'seed')}, in {out / 'tuning'}.")
    table = Table("method", "grid point", "objective", "rollout", "steps", "epochs", "seeds", "block")
    for cell in loaded.cells[:MAX_ROWS]:
        schedule = cell.schedule
        numbers = (schedule.steps, schedule.epochs, schedule.seeds, schedule.block)
        kinds = (cell.objective.kind, cell.rollout.kind)
        table.add_row(cell.method, point_label(cell.point), *kinds, *(f"{number:,}" for number in numbers))
    console.print(table)
    for kind, parts in {cell.objective.kind: cell.objective.parts for cell in loaded.cells}.items():
        if parts:
            print_line(console, f"{kind}: {parts}")
    tables = [getattr(cell, section) for cell in cells for section in OWN]
    for kind, lacks in {each.kind: each.lacks for each in tables if isinstance(each, OwnSpec)}.items():
        print_line(console, f"{kind}: {lacks}")
    if (more := len(loaded.cells) - MAX_ROWS) > 0:
        console.print(f"and {counted(more, 'cell')} more")
