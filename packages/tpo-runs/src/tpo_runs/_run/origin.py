"""Where the results of a cell come from: the provenance of this process, and of what the cell reads."""

from typing import Any

from .._config import Cell, CustomSpec, ImagesSpec, source_hashes
from .machine import provenance


def origin(cell: Cell) -> dict[str, Any]:
    """What is stored beside the results of a cell that is trained now."""
    task = cell.task
    data = {task.dataset: task.data_hash()} if isinstance(task, ImagesSpec) else {}
    return provenance(source_hashes(own_module(cell)), data)


def own_module(cell: Cell) -> str:
    """The module of the cell's objective, if it is a user's own."""
    return cell.objective.kind.partition(":")[0] if isinstance(cell.objective, CustomSpec) else ""
