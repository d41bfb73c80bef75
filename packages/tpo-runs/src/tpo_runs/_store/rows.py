"""The rows of blocks: as the result of a cell, and as one table of all cells."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._results import CellResult
from .block import StoredBlock, read_all
from .metrics import by_seed

KEYS = pa.schema([("seed", pa.int32()), ("step", pa.int32())])


def cell_result(
    entry: Mapping[str, Any], settings: Mapping[str, Any], blocks: Iterable[StoredBlock]
) -> CellResult:
    """The result of a cell: the wanted seeds of its blocks."""
    wanted, contents = set(entry["seeds"]), read_all(blocks)
    table = pa.concat_tables([content.table for content in contents])
    seeds, values = by_seed(table.sort_by([("seed", "ascending"), ("step", "ascending")]))
    kept = np.isin(seeds, list(wanted))
    metrics = {name: rows[kept] for name, rows in values.items()}
    diverged = {
        seed: step
        for content in contents
        for seed, step in content.provenance.get("diverged", {}).items()
        if int(seed) in wanted
    }
    seconds = sum(content.timing["seconds"] for content in contents)
    facts = {**contents[-1].provenance, "seconds": seconds, "diverged": diverged}
    samples = [sample for content in contents for sample in content.samples if sample["seed"] in wanted]
    return CellResult(
        entry["method"], entry["point"], dict(settings), seeds[kept], metrics, facts, samples=samples
    )


def one_table(cells: Iterable[tuple[Mapping[str, Any], Sequence[StoredBlock]]]) -> pa.Table:
    """The rows of blocks, each with its method and its values of the grid's axes.

    `cells` are entries of a manifest, each with the blocks of its cell.
    """
    cells = list(cells)
    methods = [entry["method"] for entry, _ in cells]
    axes = dict.fromkeys(axis for entry, _ in cells for axis in entry["point"])
    labels = {"method": pa.array(methods, pa.string())}
    labels |= {axis: _column([entry["point"].get(axis) for entry, _ in cells]) for axis in axes}
    schema = pa.schema([(name, column.type) for name, column in labels.items()])
    pieces = [pa.unify_schemas([schema, KEYS]).empty_table()]
    for i, (entry, blocks) in enumerate(cells):
        for content in read_all(blocks):
            rows = content.table.filter(pc.field("seed").isin(entry["seeds"]))
            for place, (name, column) in enumerate(labels.items()):
                rows = rows.add_column(place, name, pa.repeat(column[i], len(rows)))
            pieces.append(rows)
    return pa.concat_tables(pieces, promote_options="default")


def _column(values: Sequence[Any]) -> pa.Array:
    """The values of an axis by cell; as JSON if they have no type in common, such as numbers and names."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else json.dumps(value) for value in values], pa.string())
