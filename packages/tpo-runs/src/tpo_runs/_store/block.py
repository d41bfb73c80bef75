"""A finished block of seeds in the store: named by its seeds, and checked as it is read."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from .._config import trains_cell
from .._errors import ConfigError, as_config_error
from .._files import DamagedError, atomic_directory, contents, json_bytes, sealed, unsealed
from .metrics import read_table, rows_of, write_metrics

METRICS, PROVENANCE, TIMING, CONFIG = "metrics.parquet", "provenance.json", "timing.json", "config.toml"
SPEC = "spec.json"
BLOCK = "seeds-"
NAME = re.compile(r"seeds-(\d{6,})-(\d{6,})")


class BlockContent(NamedTuple):
    """What a block holds: the rows of its metrics, where they come from, and how long they took."""

    table: pa.Table
    provenance: dict[str, Any]
    timing: dict[str, Any]


class StoredBlock(NamedTuple):
    """A directory `seeds-A-B`, which has this name only when it is whole: the name tells what is done."""

    path: Path
    seeds: range

    def read(self) -> BlockContent:
        """All of it; every file is read once, and is what was written.

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
        # The first blocks did not name their cell and seeds in it.
        if "seconds" not in timing or any(timing.get(key, own) != own for key, own in self._place.items()):
            owner = f"cells/{timing.get('cell')}, seeds {timing.get('seeds')}"
            fault = f"belongs to another block ({owner}); give each its own file back, or {self._fix}"
            raise ConfigError([f"{self.path / TIMING}: {fault}"])
        table = read_table(files[METRICS])
        if not rows_of(table, self.seeds):
            fault = f"{self.path / METRICS}: does not hold every step of the seeds of its block"
            raise ConfigError([f"{fault}; {self._fix}"])
        return BlockContent(table, provenance, timing)

    def provenance(self) -> dict[str, Any]:
        """Where it comes from.

        Raises:
            ConfigError: it is not what was written, or belongs to another block; with one line.
        """
        with as_config_error(self.path):
            files, lines = contents(self.path, required=(PROVENANCE,), only=(PROVENANCE, CONFIG))
        if lines:
            raise ConfigError(f"{line}; {self._fix}" for line in lines)
        return self._in_its_place(files)

    def _in_its_place(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """The provenance among intact files, once they are known to be of this block."""
        provenance = dict(json.loads(files[PROVENANCE]))
        if (seeds := provenance.get("seeds")) != list(self.seeds):
            raise ConfigError([f"{self.path}: holds the seeds {seeds}; give it back its name"])
        cell = provenance.get("cell")
        if cell is None:
            # Blocks did not name their cell at first. Their config tells it.
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
        """How long it took, where and when.

        Raises:
            DamagedError: it is not what was written.
            OSError: it cannot be read.
        """
        return unsealed(self.path / TIMING)


def block_name(seeds: Sequence[int]) -> str:
    """The name of the directory of a block of neighbouring seeds.

    >>> block_name([4, 5, 6])
    'seeds-000004-000006'
    """
    return f"seeds-{seeds[0]:06d}-{seeds[-1]:06d}"


def blocks_in(names: Iterable[str], cell: Path) -> list[StoredBlock]:
    """The blocks among the names of what is in a cell's directory, by their first seed."""
    found = ((name, NAME.fullmatch(name)) for name in names)
    blocks = [StoredBlock(cell / name, range(int(m[1]), int(m[2]) + 1)) for name, m in found if m]
    return sorted(blocks, key=lambda block: block.seeds.start)


def read_all(blocks: Iterable[StoredBlock]) -> list[BlockContent]:
    """The contents of some blocks.

    Raises:
        ConfigError: files are damaged or missing; one line for each of all the blocks.
    """
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


def write_stored_block(
    path: Path,
    seeds: Sequence[int],
    metrics: Mapping[str, Float[np.ndarray, "seeds steps"]],
    provenance: Mapping[str, Any],
    timing: Mapping[str, Any],
    config: str,
) -> None:
    """Write a block, which takes its name when all of it is on the disk.

    Its provenance and its timing name the cell and the seeds, so that a block in another's place is noticed.
    """
    place = {"cell": path.parent.name, "seeds": list(seeds)}
    with atomic_directory(path, unlisted=[TIMING]) as block:
        write_metrics(block / METRICS, seeds, metrics)
        (block / PROVENANCE).write_bytes(json_bytes({**provenance, **place}))
        (block / TIMING).write_bytes(sealed({**timing, **place}))
        (block / CONFIG).write_text(config, encoding="utf-8")
