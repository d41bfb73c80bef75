"""A block's metrics as a Parquet file with checksums: one row per seed and step."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int


def write_metrics(path: Path, seeds: Sequence[int], metrics: Mapping[str, np.ndarray]) -> None:
    """Write metrics `[seeds, steps]` by name, as float32."""
    steps = next(iter(metrics.values())).shape[1]
    columns = {
        "seed": np.repeat(np.asarray(seeds, dtype=np.int32), steps),
        "step": np.tile(np.arange(steps, dtype=np.int32), len(seeds)),
    }
    columns |= {
        name: np.ascontiguousarray(values, dtype=np.float32).reshape(-1)
        for name, values in sorted(metrics.items())
    }
    pq.write_table(pa.table(columns), path, compression="zstd", write_page_checksum=True)


def read_table(content: bytes) -> pa.Table:
    """The rows in the content of a file."""
    # One thread: for files this small, starting more takes longer than reading.
    # Not by pq.read_table, which imports pandas where it is installed.
    return pq.ParquetFile(io.BytesIO(content), page_checksum_verification=True).read(use_threads=False)


def has_all_rows(table: pa.Table, seeds: Sequence[int]) -> bool:
    """Whether a table has exactly one row per seed and step, in this order."""
    steps = table.num_rows // len(seeds)
    columns = (np.repeat(seeds, steps), np.tile(np.arange(steps), len(seeds)))
    return {"seed", "step"} <= set(table.column_names) and all(
        np.array_equal(_column(table, name), column)
        for name, column in zip(("seed", "step"), columns, strict=True)
    )


def by_seed(table: pa.Table) -> tuple[Int[np.ndarray, " s"], dict[str, Float[np.ndarray, "s steps"]]]:
    """The seeds of sorted rows, and metrics `[seeds, steps]` by name."""
    seeds, counts = np.unique(_column(table, "seed"), return_counts=True)
    shape = (len(seeds), int(counts[0]))
    names = [name for name in table.column_names if name not in ("seed", "step")]
    return seeds, {name: _column(table, name).reshape(shape) for name in names}


def _column(table: pa.Table, name: str) -> np.ndarray:
    # Not by `to_numpy`, which imports pandas where it is installed: longer than reading most stores.
    return np.from_dlpack(table[name].combine_chunks()).copy()
