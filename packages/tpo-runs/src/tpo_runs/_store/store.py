"""The results store: one directory per cell, one per block of seeds in it, and the files of the run."""

import contextlib
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from .._config import Cell, key_of
from .._errors import ConfigError, as_config_error
from .._files import atomic_directory, discard, json_bytes, remove_unfinished, sealed, write_file
from .._results import CellResult, on_all_axes
from . import layout
from .block import StoredBlock, blocks_in
from .layout import block_name
from .metrics import write_metrics
from .output_directory import settings_key
from .rows import cell_result, one_table
from .run_files import RunFiles


def entry_of(cell: Cell) -> dict[str, Any]:
    """The cell's entry in a manifest."""
    return {"method": cell.method, "point": dict(cell.point), "key": cell.key, "seeds": list(cell.seeds)}


class Store(RunFiles):
    """The results of a run, below one directory; `Layout` lists its files.

    A block of seeds is written under a temporary name and renamed when it is complete. Every file is covered
    by a SHA-256, which is checked when the file is read: in `SHA256SUMS`, inside the file, or as the name of
    its directory. No link below the directory is followed.
    """

    def remove_unfinished(self) -> None:
        """Remove what killed processes left unfinished. Only for the holder of the lock."""
        remove_unfinished(self.root, whole=layout.BLOCK_PREFIX, into=layout.DIRECTORIES)

    def has_cell(self, key: str) -> bool:
        """Whether anything of a cell is there."""
        return self._cell(key).is_dir()

    def has_checkpoints(self, key: str) -> bool:
        """Whether training of any seeds of a cell has begun and is not finished."""
        return (self._cell(key) / layout.CHECKPOINTS).exists()

    def finished_seeds(self, key: str) -> set[int]:
        """The seeds of a cell that are complete in the store, by the names of their blocks."""
        return {seed for block in self.blocks(key) for seed in block.seeds}

    def provenances(self, key: str) -> list[dict[str, Any]]:
        """The provenance of each block of seeds of a cell."""
        return [block.provenance() for block in self.blocks(key)]

    def blocks(self, key: str) -> list[StoredBlock]:
        """The finished blocks of a cell, in the order of their seeds. None of them is read.

        Raises:
            ConfigError: the cell's settings are damaged, or two blocks hold the same seed.
        """
        blocks = self._named_blocks(key)
        self.spec(key)
        for earlier, later in itertools.pairwise(blocks):
            if later.seeds.start < earlier.seeds.stop:
                fault = f"{later.path}: has seeds that {earlier.path.name} also holds"
                fix = "remove one of them: seeds that are then missing are trained again"
                raise ConfigError([f"{fault}; {fix}"])
        return blocks

    def _named_blocks(self, key: str) -> list[StoredBlock]:
        cell = self._cell(key)
        with as_config_error(cell):
            return blocks_in(cell)

    def block(self, key: str, seeds: Sequence[int]) -> StoredBlock | None:
        """The finished block of exactly these seeds, if it is there."""
        path = self._cell(key) / block_name(seeds)
        return StoredBlock(path, range(seeds[0], seeds[-1] + 1)) if path.is_dir() else None

    def spec(self, key: str) -> dict[str, Any]:
        """The settings of a cell; empty if it was never trained.

        Raises:
            ConfigError: they are damaged, or missing beside results.
        """
        path = self._cell(key) / layout.SPEC
        if not path.exists():
            if self._named_blocks(key):
                raise ConfigError([f"{path}: missing; run the config again, which writes it again"])
            return {}
        with as_config_error(path):
            content = path.read_bytes()
        if (owner := settings_key(content)) != key:
            renamed = f"if {path.parent} was called {owner}, rename it back; else " if owner else ""
            fault = "damaged, does not match the name of its directory"
            fix = "remove it, and run the config again, which writes it again"
            raise ConfigError([f"{path}: {fault}; {renamed}{fix}"])
        return json.loads(content)

    def adopt(self, cell: Cell) -> None:
        """Rename a cell that the store has under the key that it had in earlier versions."""
        before, now = self._cell(key_of(cell.earlier_identity())), self._cell(cell.key)
        if before.is_dir() and not now.exists():
            write_file(before / layout.SPEC, json_bytes(cell.identity()))
            os.rename(before, now)

    def mark_for_replacement(self, key: str) -> None:
        """Have later runs train a cell again from its start, if anything of it is there."""
        if self.has_cell(key):
            (self._cell(key) / layout.TO_REPLACE).touch()

    def is_marked_for_replacement(self, key: str) -> bool:
        """Whether `mark_for_replacement` was called since the cell was last removed."""
        return (self._cell(key) / layout.TO_REPLACE).exists()

    def remove_cell(self, key: str) -> None:
        """Remove a cell. Files of others in its directory stay."""
        cell = self._cell(key)
        for block in self._named_blocks(key):
            discard(block.path)
        for name in layout.OF_CELL:
            discard(cell / name)
        with contextlib.suppress(OSError):  # it is missing, or holds files of others
            cell.rmdir()

    def bytes_of_cell(self, key: str) -> int:
        """The size of all files of a cell."""
        return sum(path.stat().st_size for path in self._cell(key).rglob("*") if path.is_file())

    def remove_spent_checkpoints(self, key: str) -> None:
        """Remove checkpoints of finished seeds, which a killed run left."""
        directory, finished = self._cell(key) / layout.CHECKPOINTS, self.finished_seeds(key)
        for block in blocks_in(directory):
            if finished.issuperset(block.seeds):
                discard(block.path)
        with contextlib.suppress(OSError):  # it is missing, or other seeds are in training
            directory.rmdir()

    def write_spec(self, cell: Cell) -> None:
        """Write the cell's settings, if they are not there."""
        path = self._cell(cell.key) / layout.SPEC
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
        samples: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Write a finished block of seeds. Its directory appears when all of it is on the disk.

        The bits of the metrics may depend on the `provenance`. `timing` differs between equal runs, such as
        the `seconds` of training. `config` is a TOML file that trains this block, and `samples` are those of
        `CellResult`.
        """
        self.write_spec(cell)
        # Provenance and timing name the cell and the seeds, so that a misplaced block is noticed.
        place = {"cell": cell.key, "seeds": list(seeds)}
        with atomic_directory(self._cell(cell.key) / block_name(seeds), unlisted=[layout.TIMING]) as block:
            write_metrics(block / layout.METRICS, seeds, metrics)
            (block / layout.PROVENANCE).write_bytes(json_bytes({**provenance, **place}))
            (block / layout.TIMING).write_bytes(sealed({**timing, **place}))
            (block / layout.CONFIG).write_text(config, encoding="utf-8")
            if samples:
                (block / layout.SAMPLES).write_bytes(json_bytes({"samples": list(samples)}))

    def results(self) -> list[CellResult]:
        """The cells of the run's manifest of which at least one wanted seed is complete.

        Raises:
            ConfigError: a file is damaged; one line for each.
        """
        entries = self.manifest()["cells"]
        found = [result for entry in entries if (result := self._result(entry)) is not None]
        stored = set() if found else {path.parent.name for path in self.cells.glob(f"*/{layout.SPEC}")}
        if stored and stored.isdisjoint(entry["key"] for entry in entries):
            fault = f"{self.manifest_path}: belongs to another run: it names none of the cells that are here"
            raise ConfigError([f"{fault}; remove it, and run the config again, which writes it again"])
        return on_all_axes(found)

    def result(self, cell: Cell) -> CellResult:
        """The results of a cell that is stored."""
        result = self._result(entry_of(cell))
        assert result is not None, "no seed of the cell is complete"
        return result

    @property
    def tuning(self) -> "Store":
        """The store of the candidates that `[tune]` compares."""
        return Store(self.root / layout.TUNING)

    def frame(self) -> pa.Table:
        """All rows of the run as one table; `frame().to_pandas()` is a data frame.

        Its columns are `method`, the axes of the grid by their dotted paths, `seed`, `step`, and the metrics;
        a metric that a method has not recorded is null. It has the complete seeds of a partial run.

        Raises:
            ConfigError: a file is damaged; one line for each.
        """
        return one_table((entry, self._wanted_blocks(entry)) for entry in self.manifest()["cells"])

    def _wanted_blocks(self, entry: Mapping[str, Any]) -> list[StoredBlock]:
        """The finished blocks of a cell that hold a seed of the run."""
        return [b for b in self.blocks(entry["key"]) if not set(entry["seeds"]).isdisjoint(b.seeds)]

    def _result(self, entry: Mapping[str, Any]) -> CellResult | None:
        blocks = self._wanted_blocks(entry)
        return cell_result(entry, self.spec(entry["key"]), blocks) if blocks else None
