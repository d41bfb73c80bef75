"""The results store: one directory per cell, one per block of seeds in it, and a manifest of the run."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from ._cells import Cell, key_of
from ._config_error import ConfigError
from ._integrity import DamagedError, discard, json_bytes, remove_unfinished, sealed, unsealed, write_file
from ._metrics_file import by_seed
from ._results import CellResult
from ._specs import Config
from ._stored_block import BLOCK, CONFIG, StoredBlock, block_name, blocks_in, read_all, write_stored_block
from ._stored_config import config_of_run, is_sealed

MANIFEST = "run.json"


class Store:
    """What a run leaves behind, below one directory.

    - `run.json`: title, and for each method and grid point the key and the seeds of its cell;
    - `config.toml`: the run's config as it took effect, which trains the same again;
    - `cells/KEY/spec.json`: everything that the cell's numbers depend on, except the seeds; KEY is its hash;
    - `cells/KEY/seeds-A-B/metrics.parquet`: one row per seed and step;
    - `cells/KEY/seeds-A-B/provenance.json`: versions, device, commit, seeds that diverged;
    - `cells/KEY/seeds-A-B/config.toml`: a config that trains these seeds again;
    - `cells/KEY/seeds-A-B/timing.json`: seconds, host and date, apart from what can be compared;
    - `cells/KEY/checkpoints/`: of seeds in training;
    - `cells/KEY/tracking/`: what experiment trackers were sent;
    - `jobs/`: submitit's files, while SLURM trains;
    - `locks/`: held by the processes that train, one file per block;
    - `figures/`: drawn from all of these.

    A block of seeds is written under a temporary name and renamed when it is complete. Every file is covered
    by a SHA-256, which is checked when it is read: in `SHA256SUMS`, inside the file, or as KEY.
    """

    def __init__(self, root: str | Path):
        self.root = Path(root)

    @property
    def figures(self) -> Path:
        """Where figures and tables go."""
        return self.root / "figures"

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Say which cells belong to the run; `manifest["cells"]` lists method, point, key and seeds."""
        self.root.mkdir(parents=True, exist_ok=True)
        write_file(self.root / MANIFEST, sealed(manifest))

    def write_run(self, manifest: Mapping[str, Any], config: Config) -> list[str]:
        """Write the manifest, and as `config.toml` the config as it took effect.

        Returns:
            A line about the config that was there before, if it was damaged.
        """
        self.write_manifest(manifest)
        path = self.root / CONFIG
        damaged = path.exists() and not is_sealed(path.read_bytes())
        write_file(path, config_of_run(config))
        return [f"{path}: damaged; written anew"] if damaged else []

    def has_manifest(self) -> bool:
        """Whether a run has written here before."""
        return (self.root / MANIFEST).exists()

    def manifest(self) -> dict[str, Any]:
        """The run's manifest.

        Raises:
            ConfigError: there is none, it is damaged or cannot be read.
        """
        path = self.root / MANIFEST
        try:
            return unsealed(path)
        except FileNotFoundError:
            raise ConfigError([f"{path}: not found; expected the output directory of a run"]) from None
        except DamagedError as error:
            fix = "remove it, and run the config again, which writes it anew without training again"
            raise ConfigError([f"{error}; {fix}"]) from None
        except OSError as error:
            raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None

    def remove_unfinished(self) -> None:
        """Remove what processes that were killed had begun to write. Only for the holder of the lock."""
        if self.root.is_dir():
            remove_unfinished(self.root, whole=BLOCK)

    def finished_seeds(self, key: str) -> set[int]:
        """The seeds of a cell that are complete in the store, by the names of their blocks.

        Raises:
            ConfigError: the cell's settings are damaged.
        """
        return {seed for block in self.blocks(key) for seed in block.seeds}

    def provenances(self, key: str) -> list[dict[str, Any]]:
        """Where the cell's blocks of seeds come from, one by one.

        Raises:
            ConfigError: a file is damaged; one line for each.
        """
        return [block.provenance() for block in self.blocks(key)]

    def blocks(self, key: str) -> list[StoredBlock]:
        """The finished blocks of a cell, in the order of their seeds. None of them is read.

        Raises:
            ConfigError: the cell's settings are damaged.
        """
        self.spec(key)
        cell = self._cell(key)
        return blocks_in(os.listdir(cell), cell) if cell.is_dir() else []

    def block(self, key: str, seeds: Sequence[int]) -> StoredBlock | None:
        """The finished block of just these seeds, if it is there."""
        path = self._cell(key) / block_name(seeds)
        return StoredBlock(path, range(seeds[0], seeds[-1] + 1)) if path.is_dir() else None

    def spec(self, key: str) -> dict[str, Any]:
        """The settings of a cell; none where it was never trained.

        Raises:
            ConfigError: they are damaged.
        """
        path = self._cell(key) / "spec.json"
        if not path.exists():
            return {}
        content = path.read_bytes()
        try:
            identity = json.loads(content)
            intact = json_bytes(identity) == content and key_of(identity) == key
        except (ValueError, RecursionError):
            intact, identity = False, {}
        if not intact:
            fault = "damaged, does not match the name of its directory; remove it: it is written anew"
            raise ConfigError([f"{path}: {fault}"])
        return identity

    def remove_cell(self, key: str) -> None:
        """Forget everything about a cell."""
        discard(self._cell(key))

    def checkpoints(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of the checkpoints of a block of seeds."""
        return self._cell(key) / "checkpoints" / block_name(seeds)

    def tracking(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of what trackers were sent of a block of seeds."""
        return self._cell(key) / "tracking" / block_name(seeds)

    def write_spec(self, cell: Cell) -> None:
        """Write down the cell's settings, where they are not yet."""
        path = self._cell(cell.key) / "spec.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_file(path, json_bytes(cell.identity()))

    def write_block(
        self,
        cell: Cell,
        seeds: Sequence[int],
        metrics: Mapping[str, Float[np.ndarray, "seeds steps"]],
        provenance: Mapping[str, Any],
        timing: Mapping[str, Any],
        config: str = "",
    ) -> None:
        """Add the metrics of a finished block of seeds.

        Args:
            cell: what was trained.
            seeds: the block.
            metrics: of all steps.
            provenance: what the bits of the metrics may depend on.
            timing: what differs from run to run; `seconds` of training among it.
            config: the TOML file that trains this block.
        """
        self.write_spec(cell)
        path = self._cell(cell.key) / block_name(seeds)
        write_stored_block(path, seeds, metrics, provenance, timing, config)

    def results(self) -> list[CellResult]:
        """The cells of the run's manifest of which at least one wanted seed is complete.

        Raises:
            ConfigError: a file is damaged; one line for each.
        """
        found = (self._result(entry) for entry in self.manifest()["cells"])
        return [result for result in found if result is not None]

    def _result(self, entry: Mapping[str, Any]) -> CellResult | None:
        wanted = set(entry["seeds"])
        blocks = [block for block in self.blocks(entry["key"]) if not wanted.isdisjoint(block.seeds)]
        if not blocks:
            return None
        contents = read_all(blocks)
        tables = [content.table for content in contents]
        provenance = [content.provenance for content in contents]
        seconds = sum(content.timing["seconds"] for content in contents)
        table = pa.concat_tables(tables).sort_by([("seed", "ascending"), ("step", "ascending")])
        every, values = by_seed(table)
        kept = np.isin(every, list(wanted))
        metrics = {name: rows[kept] for name, rows in values.items()}
        spec = self.spec(entry["key"])
        diverged = {
            seed: step
            for record in provenance
            for seed, step in record.get("diverged", {}).items()
            if int(seed) in wanted
        }
        facts = {**provenance[-1], "seconds": seconds, "diverged": diverged}
        return CellResult(entry["method"], entry["point"], spec, every[kept], metrics, facts)

    def _cell(self, key: str) -> Path:
        # A manifest may come from a stranger: nothing in it may lead out of the directory.
        if not re.fullmatch(r"[0-9a-f]{16}", key):
            raise ConfigError([f"{self.root / MANIFEST}: {key!r} is not the key of a cell"])
        return self.root / "cells" / key
