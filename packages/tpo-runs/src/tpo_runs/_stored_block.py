"""A finished block of seeds in the store: named by its seeds, and checked as it is read."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float

from ._config_error import ConfigError
from ._integrity import DamagedError, appearing_whole, contents, json_bytes, sealed, unsealed
from ._metrics_file import read_table, write_metrics

METRICS, PROVENANCE, TIMING, CONFIG = "metrics.parquet", "provenance.json", "timing.json", "config.toml"
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
        files, lines = contents(self.path)
        if not lines:
            lines += [f"{self.path / name}: missing" for name in (METRICS, PROVENANCE) if name not in files]
        timing: dict[str, Any] = {}
        try:
            timing = self.timing()
        except DamagedError as error:
            lines.append(str(error))
        except OSError:
            lines.append(f"{self.path / TIMING}: missing")
        if lines:
            fix = f"remove {self.path} to have its seeds trained again"
            raise ConfigError(f"{line}; {fix}" for line in lines)
        provenance = json.loads(files[PROVENANCE])
        if provenance["seeds"] != list(self.seeds):
            raise ConfigError([f"{self.path}: holds the seeds {provenance['seeds']}; give it back its name"])
        return BlockContent(read_table(files[METRICS]), provenance, timing)

    def provenance(self) -> dict[str, Any]:
        """Where it comes from, as it stands there: `read` checks it."""
        try:
            return dict(json.loads((self.path / PROVENANCE).read_bytes()))
        except (OSError, ValueError, RecursionError, TypeError):
            return self.read().provenance

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
    """Write a block, which takes its name when all of it is on the disk."""
    with appearing_whole(path, apart=[TIMING]) as block:
        write_metrics(block / METRICS, seeds, metrics)
        (block / PROVENANCE).write_bytes(json_bytes({**provenance, "seeds": list(seeds)}))
        (block / TIMING).write_bytes(sealed(timing))
        (block / CONFIG).write_text(config, encoding="utf-8")
