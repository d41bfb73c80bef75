"""The results store: one directory per cell, one per block of seeds in it, and a manifest of the run."""

import contextlib
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from .._config import Cell, Config, config_of_run, is_sealed, key_of
from .._errors import ConfigError, as_config_error
from .._files import DamagedError, discard, json_bytes, remove_unfinished, sealed, unsealed, write_file
from .._results import CellResult, on_all_axes
from .block import BLOCK, SPEC, StoredBlock, block_name, blocks_in, read_all, write_stored_block
from .metrics import by_seed
from .output_directory import CONFIG, DIRECTORIES, KEY, MANIFEST, check_plain, holds_results

FORMAT = 1
KEPT_CONFIG = "config.before.toml"
TO_REPLACE = "to-be-replaced"


class Store:
    """What a run leaves behind, below one directory.

    - `run.json`: title, and for each method and grid point the key and the seeds of its cell;
    - `config.toml`: the run's config as it took effect, which trains the same again;
    - `cells/KEY/spec.json`: everything that the cell's numbers depend on, except the seeds; KEY is its hash;
    - `cells/KEY/seeds-A-B/metrics.parquet`: one row per seed and step;
    - `cells/KEY/seeds-A-B/provenance.json`: cell and seeds, versions, device, commit, seeds that diverged;
    - `cells/KEY/seeds-A-B/config.toml`: a config that trains these seeds again;
    - `cells/KEY/seeds-A-B/timing.json`: seconds, host and date, apart from what can be compared;
    - `cells/KEY/checkpoints/`: of seeds in training;
    - `cells/KEY/tracking/`: what experiment trackers were sent;
    - `cells/KEY/to-be-replaced`: there while a run with `--overwrite` has not yet come to this cell;
    - `jobs/`: submitit's files, while SLURM trains;
    - `locks/`: held by the processes that train, one file per block;
    - `figures/`: drawn from all of these.

    A block of seeds is written under a temporary name and renamed when it is complete. Every file is covered
    by a SHA-256, which is checked when it is read: in `SHA256SUMS`, inside the file, or as KEY. No link below
    the directory is followed.
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
        made_by = {"format": FORMAT, "version": version("tpo-runs")}
        write_file(self.root / MANIFEST, sealed({**manifest, **made_by}))

    def write_run(self, manifest: Mapping[str, Any], config: Config) -> list[str]:
        """Write the manifest, and as `config.toml` the config as it took effect.

        Returns:
            A line about the config that was there before, if it was damaged or edited.
        """
        self.write_manifest(manifest)
        path, kept = self.root / CONFIG, self.root / KEPT_CONFIG
        changed = path.exists() and not is_sealed(path.read_bytes())
        if changed:
            os.replace(path, kept)
        write_file(path, config_of_run(config))
        return [f"{path}: damaged or edited; written anew, and kept as {kept}"] if changed else []

    def has_manifest(self) -> bool:
        """Whether a run has written here before."""
        return (self.root / MANIFEST).exists()

    def manifest(self) -> dict[str, Any]:
        """The run's manifest.

        Raises:
            ConfigError: there is none, it is damaged, of another version or cannot be read; or the directory
                holds a link.
        """
        check_plain(self.root)
        path = self.root / MANIFEST
        try:
            manifest = unsealed(path)
            found, made_by = manifest.get("format", FORMAT), manifest.get("version", "unknown")
            if found != FORMAT:
                fault = f"written by tpo-runs {made_by} in format {found}; this is tpo-runs"
                fix = f"{version('tpo-runs')}, which reads format {FORMAT}; install a version that reads it"
                raise ConfigError([f"{path}: {fault} {fix}"])
            if not _lists_cells(manifest):
                raise DamagedError(f"{path}: does not list the cells of a run")
        except FileNotFoundError:
            raise ConfigError([f"{path}: not found; expected the output directory of a run"]) from None
        except DamagedError as error:
            fix = "remove it, and run the config again, which writes it anew without training again"
            if not holds_results(self.root):
                fix = "tpo-runs did not write it, or all beside it is gone: there are no results here"
            raise ConfigError([f"{error}; {fix}"]) from None
        except OSError as error:
            raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
        return manifest

    def remove_unfinished(self) -> None:
        """Remove what processes that were killed had begun to write. Only for the holder of the lock."""
        remove_unfinished(self.root, whole=BLOCK, into=DIRECTORIES)

    def discard_errors(self) -> None:
        """Remove the tracebacks that an earlier run left."""
        errors = self.root / "errors"
        for path in errors.glob("*.txt") if errors.is_dir() else ():
            if KEY.fullmatch(path.stem):
                path.unlink()
        with contextlib.suppress(OSError):  # there are none, or files of others
            errors.rmdir()

    def finished_seeds(self, key: str) -> set[int]:
        """The seeds of a cell that are complete in the store, by the names of their blocks.

        Raises:
            ConfigError: the cell's settings are damaged.
        """
        return {seed for block in self.blocks(key) for seed in block.seeds}

    def has_cell(self, key: str) -> bool:
        """Whether anything of a cell is there."""
        return self._cell(key).is_dir()

    def provenances(self, key: str) -> list[dict[str, Any]]:
        """Where the cell's blocks of seeds come from, one by one.

        Raises:
            ConfigError: a file is damaged; one line for each.
        """
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
                fault = f"{later.path}: has seeds that {earlier.path.name} holds, too"
                fix = "remove one of them: seeds that are then missing are trained again"
                raise ConfigError([f"{fault}; {fix}"])
        return blocks

    def _named_blocks(self, key: str) -> list[StoredBlock]:
        cell = self._cell(key)
        with as_config_error(cell):
            return blocks_in(os.listdir(cell), cell) if cell.is_dir() else []

    def block(self, key: str, seeds: Sequence[int]) -> StoredBlock | None:
        """The finished block of just these seeds, if it is there."""
        path = self._cell(key) / block_name(seeds)
        return StoredBlock(path, range(seeds[0], seeds[-1] + 1)) if path.is_dir() else None

    def spec(self, key: str) -> dict[str, Any]:
        """The settings of a cell; none where it was never trained.

        Raises:
            ConfigError: they are damaged, or missing beside results.
        """
        path = self._cell(key) / SPEC
        if not path.exists():
            if self._named_blocks(key):
                raise ConfigError([f"{path}: missing; run the config again, which writes it anew"])
            return {}
        with as_config_error(path):
            content = path.read_bytes()
        try:
            identity = json.loads(content)
            owner = key_of(identity) if json_bytes(identity) == content else ""
        except (ValueError, TypeError, RecursionError):
            owner, identity = "", {}
        if owner != key:
            renamed = f"if {path.parent} was called {owner}, call it so again; else " if owner else ""
            fault = "damaged, does not match the name of its directory"
            fix = "remove it, and run the config again, which writes it anew"
            raise ConfigError([f"{path}: {fault}; {renamed}{fix}"])
        return identity

    def adopt(self, cell: Cell) -> None:
        """Give the cell its name, where the store has it under the one that it had in earlier versions."""
        before, now = self._cell(key_of(cell.earlier_identity())), self._cell(cell.key)
        if before.is_dir() and not now.exists():
            write_file(before / "spec.json", json_bytes(cell.identity()))
            os.rename(before, now)

    def mark_for_replacement(self, key: str) -> None:
        """Have later runs train a cell again from its start, if anything of it is there."""
        if self.has_cell(key):
            (self._cell(key) / TO_REPLACE).touch()

    def is_marked_for_replacement(self, key: str) -> bool:
        """Whether `mark_for_replacement` was called since the cell was last removed."""
        return (self._cell(key) / TO_REPLACE).exists()

    def remove_cell(self, key: str) -> None:
        """Forget everything about a cell; what others have put there stays."""
        cell = self._cell(key)
        for block in self._named_blocks(key):
            discard(block.path)
        for name in (SPEC, "checkpoints", "tracking", TO_REPLACE):
            discard(cell / name)
        with contextlib.suppress(OSError):  # it is not there, or holds files of others
            cell.rmdir()

    def bytes_of_cell(self, key: str) -> int:
        """The bytes that the files of a cell take."""
        return sum(path.stat().st_size for path in self._cell(key).rglob("*") if path.is_file())

    def remove_spent_checkpoints(self, key: str) -> None:
        """Remove checkpoints of seeds that are finished: their run was killed before it could."""
        directory, finished = self._cell(key) / "checkpoints", self.finished_seeds(key)
        for block in blocks_in(os.listdir(directory), directory) if directory.is_dir() else ():
            if finished.issuperset(block.seeds):
                discard(block.path)
        with contextlib.suppress(OSError):  # it is not there, or others are in training
            directory.rmdir()

    def checkpoints(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of the checkpoints of a block of seeds."""
        return self._cell(key) / "checkpoints" / block_name(seeds)

    def tracking(self, key: str, seeds: Sequence[int]) -> Path:
        """The directory of what trackers were sent of a block of seeds."""
        return self._cell(key) / "tracking" / block_name(seeds)

    def write_spec(self, cell: Cell) -> None:
        """Write down the cell's settings, where they are not yet."""
        path = self._cell(cell.key) / SPEC
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
        entries = self.manifest()["cells"]
        found = [result for entry in entries if (result := self._result(entry)) is not None]
        there = set() if found else {path.parent.name for path in self.root.glob(f"cells/*/{SPEC}")}
        if there and there.isdisjoint(entry["key"] for entry in entries):
            fault = f"{self.root / MANIFEST}: names none of the cells that are there, so it is of another run"
            raise ConfigError([f"{fault}; remove it, and run the config again, which writes it anew"])
        return on_all_axes(found)

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
        if not KEY.fullmatch(key):
            raise ConfigError([f"{self.root / MANIFEST}: {key!r} is not the key of a cell"])
        return self.root / "cells" / key


def _lists_cells(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest has an entry for each of its cells that says which one it is."""
    cells, fields = manifest.get("cells"), {"method", "point", "key", "seeds"}
    return isinstance(cells, list) and all(isinstance(x, dict) and fields <= x.keys() for x in cells)
