"""The results store: one directory per cell, one per block of seeds in it, and a manifest of the run."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from ._cells import Cell
from ._config_error import ConfigError
from ._results import CellResult

MANIFEST = "run.json"


class Store:
    """What a run leaves behind, below one directory.

    - `run.json`: title, and for each method and grid point the key and the seeds of its cell;
    - `cells/KEY/spec.json`: everything that the cell's numbers depend on, except the seeds;
    - `cells/KEY/seeds-A-B/metrics.parquet`: one row per seed and step, pages with checksums;
    - `cells/KEY/seeds-A-B/provenance.json`: versions, device, commit, seconds;
    - `figures/`: drawn from all of these.

    A block of seeds is written under a temporary name and renamed when it is complete.
    """

    def __init__(self, root: Path):
        self.root = root

    @property
    def figures(self) -> Path:
        """Where figures and tables go."""
        return self.root / "figures"

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Say which cells belong to the run; `manifest["cells"]` lists method, point, key and seeds."""
        self.root.mkdir(parents=True, exist_ok=True)
        _write_json(self.root / MANIFEST, manifest)

    def has_manifest(self) -> bool:
        """Whether a run has written here before."""
        return (self.root / MANIFEST).exists()

    def manifest(self) -> dict[str, Any]:
        """The run's manifest.

        Raises:
            ConfigError: there is none, or it cannot be read.
        """
        path = self.root / MANIFEST
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigError([f"{path}: not found; expected the output directory of a run"]) from None
        except (OSError, ValueError) as error:
            raise ConfigError([f"{path}: cannot be read: {error}"]) from None

    def finished_seeds(self, key: str) -> set[int]:
        """The seeds of a cell that are complete in the store."""
        return {seed for block in self._blocks(key) for seed in _provenance(block)["seeds"]}

    def remove_cell(self, key: str) -> None:
        """Forget everything about a cell."""
        shutil.rmtree(self._cell(key), ignore_errors=True)

    def write_block(
        self,
        cell: Cell,
        seeds: Sequence[int],
        metrics: Mapping[str, Float[np.ndarray, "seeds steps"]],
        provenance: Mapping[str, Any],
    ) -> None:
        """Add the metrics of a finished block of seeds."""
        directory = self._cell(cell.key)
        directory.mkdir(parents=True, exist_ok=True)
        spec = directory / "spec.json"
        if not spec.exists():
            _write_json(spec, cell.identity())
        with _appearing_whole(directory / f"seeds-{seeds[0]:06d}-{seeds[-1]:06d}") as block:
            _write_metrics(block / "metrics.parquet", seeds, metrics)
            _write_json(block / "provenance.json", {**provenance, "seeds": list(seeds)})

    def results(self) -> list[CellResult]:
        """The cells of the run's manifest of which at least one wanted seed is complete."""
        found = (self._result(entry) for entry in self.manifest()["cells"])
        return [result for result in found if result is not None]

    def _result(self, entry: Mapping[str, Any]) -> CellResult | None:
        tables, provenance, wanted = [], [], set(entry["seeds"])
        for block in self._blocks(entry["key"]):
            if wanted.intersection(_provenance(block)["seeds"]):
                tables.append(pq.read_table(block / "metrics.parquet", page_checksum_verification=True))
                provenance.append(_provenance(block))
        if not tables:
            return None
        table = pa.concat_tables(tables).sort_by([("seed", "ascending"), ("step", "ascending")])
        every, counts = np.unique(table["seed"].to_numpy(), return_counts=True)
        shape = (len(every), int(counts[0]))
        kept = np.isin(every, list(wanted))
        metrics = {
            name: table[name].to_numpy().reshape(shape)[kept]
            for name in table.column_names
            if name not in ("seed", "step")
        }
        spec = json.loads((self._cell(entry["key"]) / "spec.json").read_text(encoding="utf-8"))
        seconds = sum(record["seconds"] for record in provenance)
        return CellResult(
            entry["method"],
            entry["point"],
            spec,
            every[kept],
            metrics,
            {**provenance[-1], "seconds": seconds},
        )

    def _cell(self, key: str) -> Path:
        return self.root / "cells" / key

    def _blocks(self, key: str) -> list[Path]:
        return sorted(self._cell(key).glob("seeds-*"))


def _provenance(block: Path) -> dict[str, Any]:
    return json.loads((block / "provenance.json").read_text(encoding="utf-8"))


def _write_metrics(path: Path, seeds: Sequence[int], metrics: Mapping[str, np.ndarray]) -> None:
    steps = next(iter(metrics.values())).shape[1]
    columns = {
        "seed": np.repeat(np.asarray(seeds, dtype=np.int32), steps),
        "step": np.tile(np.arange(steps, dtype=np.int32), len(seeds)),
    }
    columns |= {name: np.ascontiguousarray(values).reshape(-1) for name, values in sorted(metrics.items())}
    pq.write_table(pa.table(columns), path, compression="zstd", write_page_checksum=True)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write so that a reader sees the old file or the new one, whole."""
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".", delete=False, encoding="utf-8"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


@contextmanager
def _appearing_whole(directory: Path) -> Iterator[Path]:
    """A directory to fill that takes its name only when the block of code ends without an error."""
    temporary = Path(tempfile.mkdtemp(dir=directory.parent, prefix=".writing-"))
    try:
        yield temporary
        os.rename(temporary, directory)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
