"""The provenance of a cell: that of this process, its objective and its data."""

from typing import Any

from .._config import Cell, CustomSpec, ImagesSpec, source_hashes
from .machine import provenance


def origin(cell: Cell) -> dict[str, Any]:
    """The provenance that is stored with the results of a cell."""
    task = cell.task
    data = {task.dataset: task.data_hash()} if isinstance(task, ImagesSpec) else {}
    return provenance(source_hashes(own_module(cell)), data)


def own_module(cell: Cell) -> str:
    """The module of the cell's objective if it is custom; else an empty string."""
    return cell.objective.kind.partition(":")[0] if isinstance(cell.objective, CustomSpec) else ""
