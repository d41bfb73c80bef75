"""A finished block of seeds in the store, checked as it is read."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from .._config import Cell, cell_of_block, trains_cell
from .._errors import ConfigError, as_config_error
from .._files import DamagedError, contents, unsealed
from .layout import BLOCK, CONFIG, METRICS, PROVENANCE, SAMPLES, SPEC, TIMING
from .metrics import has_all_rows, read_table

# The facts of a provenance, in the order in which reports show them.
FACTS = (
    "versions",
    "python",
    "platform",
    "processor",
    "devices",
    "cpu_count",
    "xla_flags",
    "matmul_precision",
    "environment",
    "git",
    "objective",
    "data",
)
# The facts that the bits of a result may depend on. Commits also change documents, so git is not among them.
BITS = tuple(name for name in FACTS if name != "git")


class BlockContent(NamedTuple):
    """What the files of a block hold."""

    table: pa.Table
    provenance: dict[str, Any]
    timing: dict[str, Any]
    samples: list[dict[str, Any]]


class StoredBlock(NamedTuple):
    """A directory `seeds-A-B`. It has this name only when it is complete."""

    path: Path
    seeds: range

    def read(self) -> BlockContent:
        """Read all files once and check their hashes.

        Raises:
            ConfigError: a file is damaged or missing; one line for each.
        """
        with as_config_error(self.path):
            files, lines = contents(self.path, required=(METRICS, PROVENANCE))
        timing: dict[str, Any] = {}
        try:
            timing = self.timing()
        except DamagedError as error:
            lines.append(str(error))
        except OSError:
            lines.append(f"{self.path / TIMING}: missing")
        if lines:
            raise ConfigError(f"{line}; {self._fix}" for line in lines)
        provenance = self._in_its_place(files)
        # The first blocks did not name their cell and seeds in their timing.
        if "seconds" not in timing or any(timing.get(key, own) != own for key, own in self._place.items()):
            owner = f"cells/{timing.get('cell')}, seeds {timing.get('seeds')}"
            fault = f"belongs to another block ({owner}); move each file back, or {self._fix}"
            raise ConfigError([f"{self.path / TIMING}: {fault}"])
        table = read_table(files[METRICS])
        if not has_all_rows(table, self.seeds):
            fault = f"{self.path / METRICS}: does not hold every step of every seed of its block"
            raise ConfigError([f"{fault}; {self._fix}"])
        samples = json.loads(files[SAMPLES])["samples"] if SAMPLES in files else []
        return BlockContent(table, provenance, timing, samples)

    def cell(self) -> Cell:
        """The cell that trains exactly this block."""
        with as_config_error(self.path):
            files, lines = contents(self.path, required=(CONFIG,), only=(CONFIG,))
        cell = None if lines else cell_of_block(files[CONFIG].decode("utf-8", "replace"))
        if cell is None:
            raise ConfigError(lines or [f"{self.path / CONFIG}: this version of tpo-runs cannot read it"])
        return cell

    def provenance(self) -> dict[str, Any]:
        """Read the provenance."""
        with as_config_error(self.path):
            files, lines = contents(self.path, required=(PROVENANCE,), only=(PROVENANCE, CONFIG))
        if lines:
            raise ConfigError(f"{line}; {self._fix}" for line in lines)
        return self._in_its_place(files)

    def _in_its_place(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """The provenance among intact files, which must belong to this block."""
        provenance = dict(json.loads(files[PROVENANCE]))
        if (seeds := provenance.get("seeds")) != list(self.seeds):
            raise ConfigError([f"{self.path}: holds the seeds {seeds}; rename it back"])
        cell = provenance.get("cell")
        if cell is None:
            # The first blocks did not name their cell. Their config tells it.
            with as_config_error(self.path.parent / SPEC):
                identity = json.loads((self.path.parent / SPEC).read_bytes())
            if not trains_cell(files.get(CONFIG, b"").decode("utf-8", "replace"), identity):
                fault = f"its {CONFIG} does not train the cell {self.path.parent.name}"
                raise ConfigError([f"{self.path}: {fault}; move it back to its own cell, or {self._fix}"])
        elif cell != self.path.parent.name:
            fault = f"belongs to the cell {cell}; move it back to {self.path.parent.with_name(str(cell))}"
            raise ConfigError([f"{self.path}: {fault}, or {self._fix}"])
        return provenance

    @property
    def _place(self) -> dict[str, Any]:
        return {"cell": self.path.parent.name, "seeds": list(self.seeds)}

    @property
    def _fix(self) -> str:
        return f"remove {self.path} to have its seeds trained again"

    def timing(self) -> dict[str, Any]:
        """Read the timing."""
        return unsealed(self.path / TIMING)


def blocks_in(directory: Path) -> list[StoredBlock]:
    """The blocks in a directory, if it exists, by their first seed."""
    names = os.listdir(directory) if directory.is_dir() else ()
    found = ((name, BLOCK.fullmatch(name)) for name in names)
    blocks = [StoredBlock(directory / name, range(int(m[1]), int(m[2]) + 1)) for name, m in found if m]
    return sorted(blocks, key=lambda block: block.seeds.start)


def read_all(blocks: Iterable[StoredBlock]) -> list[BlockContent]:
    """Read blocks."""
    found: list[BlockContent] = []
    lines: list[str] = []
    for block in blocks:
        try:
            found.append(block.read())
        except ConfigError as error:
            lines += error.lines
    if lines:
        raise ConfigError(lines)
    return found
