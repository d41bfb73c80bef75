"""Checkpoints of a block of seeds: the training state, and the metrics up to it."""

import contextlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, PyTree

from .._config import Cell
from .._errors import as_storage_error, reason_of
from .._files import SUMS, atomic_directory, damage, discard, json_bytes
from .._store import Store
from .arrays import Description, described, difference, restored_state, saved_arrays

KEPT = 2
STATE, METRICS, MANIFEST = "state.npz", "metrics.npz", "manifest.json"
FILES = (STATE, METRICS, MANIFEST)
NAME = re.compile(r"step-\d{9,}")


class CheckpointError(Exception):
    """Training cannot resume from an intact checkpoint; the message is one line that says why."""


class Checkpoint(NamedTuple):
    """The state of a block of seeds after `step` steps, and the metrics of these steps."""

    step: int
    state: PyTree
    metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]
    facts: Mapping[str, Any]  # seconds of training, and provenance

    @property
    def alive(self) -> Bool[np.ndarray, " seeds"]:
        """Which seeds have not diverged."""
        return ~np.isnan(self.metrics["loss"][:, -1])


class Checkpoints:
    """The last two checkpoints of a block of seeds, in directories `step-N`.

    Each holds the arrays as `.npz` files without pickle, a manifest of their tree paths, shapes and dtypes,
    and hashes of all files. The JSON values `identity` identify the block: those of other blocks are refused.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]):
        self.directory = directory
        self.identity = dict(identity)

    def save(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint atomically, and remove all but the last two.

        Raises:
            StorageError: it cannot be written; earlier checkpoints are intact.
        """
        self._write(checkpoint, described(checkpoint.state), saved_arrays(checkpoint.state))

    def save_joined(self, parts: Mapping[str, "Checkpoints"]) -> None:
        """Add a checkpoint of the arrays of others, each with a prefix to their paths.

        Step, metrics and facts are those of the last part.

        Raises:
            CheckpointError: a part is damaged or missing.
            StorageError: it cannot be written.
        """
        description: list[list[Any]] = []
        arrays: list[np.ndarray] = []
        last = Checkpoint(0, None, {}, {})
        for prefix, part in parts.items():
            path = next(iter(part._newest_first()), None)
            if path is None:
                raise CheckpointError(f"{part.directory}: not found")
            if lines := damage(path, FILES):
                raise CheckpointError(lines[0])
            files = _Files.read(path)
            description += [[f"{prefix}{name}", *rest] for name, *rest in files.manifest["leaves"]]
            arrays += files.arrays
            last = files.checkpoint(None)
        self._write(last, description, arrays)

    def _write(self, checkpoint: Checkpoint, description: Description, values: Sequence[np.ndarray]) -> None:
        manifest = {
            "identity": self.identity,
            "step": checkpoint.step,
            "facts": checkpoint.facts,
            "leaves": description,
        }
        target = self.directory / f"step-{checkpoint.step:09d}"
        with as_storage_error(target, "the previous checkpoint is intact; rerun to resume from it"):
            self._make_directory()
            discard(target)
            with atomic_directory(target) as temporary:
                arrays = {f"{i}": value for i, value in enumerate(values)}
                np.savez(temporary / STATE, **arrays)  # pyright: ignore[reportArgumentType]
                np.savez(temporary / METRICS, **checkpoint.metrics)  # pyright: ignore[reportArgumentType]
                (temporary / MANIFEST).write_bytes(json_bytes(manifest))
            for old in self._newest_first()[KEPT:]:
                discard(old)

    def latest(self, like: PyTree, warn: Callable[[str], None]) -> Checkpoint | None:
        """Load the last intact checkpoint; None if there is none. Damaged ones are removed.

        Args:
            like: a state of the same structure.
            warn: called with one line for each damaged checkpoint.

        Raises:
            CheckpointError: an intact checkpoint is of another block, cell or structure, or a file cannot be
                read. The checkpoint is kept.
        """
        for path in self._newest_first():
            fix = f"it is kept; to train these seeds from the start, remove {self.directory}"
            try:
                lines = damage(path, FILES)
                if not lines:
                    return self._restored(_Files.read(path), like)
            except OSError as error:
                raise CheckpointError(f"{path}: cannot be read: {reason_of(error)}; {fix}") from error
            except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
                raise CheckpointError(f"{path}: cannot resume: {error}; {fix}") from error
            for line in lines:
                warn(f"{line}; falling back to the previous checkpoint")
            discard(path)
        return None

    def facts(self) -> Mapping[str, Any] | None:
        """The facts of the last intact checkpoint; None if there is none."""
        for path in self._newest_first():
            if not damage(path):
                return json.loads((path / MANIFEST).read_bytes())["facts"]
        return None

    def state_hash(self) -> str:
        """The SHA-256 of the last state, as it was written; empty without one."""
        for path in self._newest_first():
            listed = (line.split("  ") for line in (path / SUMS).read_text().splitlines())
            return next((value for value, name in listed if name == STATE), "")
        return ""

    def remove(self) -> None:
        """Remove all checkpoints, and the parent directory if it is then empty."""
        discard(self.directory)
        with contextlib.suppress(OSError):  # it has checkpoints of other blocks
            self.directory.parent.rmdir()

    def _make_directory(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:
            # Another block of the cell has just ended and removed the parent directory.
            self.directory.mkdir(parents=True, exist_ok=True)

    def _newest_first(self) -> list[Path]:
        found = (path for path in self.directory.glob("step-*") if NAME.fullmatch(path.name))
        return sorted(found, reverse=True)

    def _restored(self, files: "_Files", like: PyTree) -> Checkpoint:
        manifest = files.manifest
        if manifest["identity"] != self.identity:
            raise ValueError("it belongs to other seeds or another cell")
        if fault := difference(manifest["leaves"], described(like), "in the checkpoint"):
            by = manifest["facts"].get("provenance", {}).get("versions", {}).get("tpo-runs")
            writer = f"; tpo-runs {by}, which wrote it, can resume from it" if by else ""
            raise ValueError(f"its arrays do not match this policy and optimizer: {fault}{writer}")
        return files.checkpoint(restored_state(files.arrays, like))


class _Files(NamedTuple):
    """What the files of a checkpoint hold; the arrays of the state are in the order of the manifest."""

    manifest: dict[str, Any]
    arrays: list[np.ndarray]
    metrics: dict[str, np.ndarray]

    @classmethod
    def read(cls, path: Path) -> "_Files":
        manifest = json.loads((path / MANIFEST).read_bytes())
        with np.load(path / STATE, allow_pickle=False) as file:
            arrays = [file[f"{i}"] for i in range(len(manifest["leaves"]))]
        with np.load(path / METRICS, allow_pickle=False) as file:
            return cls(manifest, arrays, dict(file))

    def checkpoint(self, state: PyTree) -> Checkpoint:
        return Checkpoint(int(self.manifest["step"]), state, self.metrics, self.manifest["facts"])


def checkpoints_of(store: Store, cell: Cell, seeds: Sequence[int]) -> Checkpoints:
    """The checkpoints of a block of seeds in training."""
    return Checkpoints(store.checkpoints(cell.key, seeds), {"cell": cell.identity(), "seeds": list(seeds)})


def kept_policies(store: Store, key: str, seeds: Sequence[int]) -> Checkpoints:
    """The trained parameters of a block of seeds."""
    return Checkpoints(store.policies(key, seeds), {"cell": key, "seeds": list(seeds)})


def kept_ends(store: Store, key: str, seeds: Sequence[int]) -> Checkpoints:
    """The rest of the state after the last step."""
    return Checkpoints(store.ends(key, seeds), {"cell": key, "seeds": list(seeds)})
