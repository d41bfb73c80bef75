"""Checkpoints of a block of seeds: the training state, and the metrics up to it."""

import contextlib
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from .._errors import as_storage_error, reason_of
from .._files import SUMS, atomic_directory, damage, discard, json_bytes

KEPT = 2
STATE, METRICS, MANIFEST = "state.npz", "metrics.npz", "manifest.json"
FILES = (STATE, METRICS, MANIFEST)
NAME = re.compile(r"step-\d{9,}")


class CheckpointError(Exception):
    """Training cannot resume from an intact checkpoint; the message is one line that says why."""


class Checkpoint(NamedTuple):
    """The state of a block of seeds after `step` steps.

    Args:
        step: number of completed steps.
        state: the training state.
        metrics: metrics of all completed steps.
        facts: seconds of training, and provenance.
    """

    step: int
    state: PyTree
    metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]
    facts: Mapping[str, Any]

    @property
    def alive(self) -> Bool[np.ndarray, " seeds"]:
        """Which seeds have not diverged."""
        return ~np.isnan(self.metrics["loss"][:, -1])


class Checkpoints:
    """The last two checkpoints of a block of seeds, in directories `step-N`.

    Each holds the arrays as `.npz` files without pickle, a manifest of their tree paths, shapes and dtypes,
    and hashes of all files.

    Args:
        directory: where the checkpoints are.
        identity: JSON values that identify the block. Checkpoints of other blocks are refused.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]):
        self.directory = directory
        self.identity = dict(identity)

    def save(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint atomically, and remove all but the last two.

        Raises:
            StorageError: it cannot be written; earlier checkpoints are intact.
        """
        leaves = _leaves(checkpoint.state)
        # Random keys are saved as their bits.
        plain = (jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in leaves.values())
        self._write(checkpoint, _description(leaves), map(np.asarray, plain))

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
            last, leaves, values = part._newest()
            description += [[f"{prefix}{path}", *rest] for path, *rest in leaves]
            arrays += values
        self._write(last, description, arrays)

    def _newest(self) -> tuple[Checkpoint, list[list[Any]], list[np.ndarray]]:
        """The last checkpoint without its state, and the descriptions and values of its arrays."""
        for path in self._newest_first():
            if lines := damage(path, FILES):
                raise CheckpointError(lines[0])
            manifest = json.loads((path / MANIFEST).read_bytes())
            with np.load(path / STATE, allow_pickle=False) as file:
                values = [file[f"{i}"] for i in range(len(manifest["leaves"]))]
            with np.load(path / METRICS, allow_pickle=False) as file:
                metrics = {name: file[name] for name in file.files}
            return Checkpoint(manifest["step"], None, metrics, manifest["facts"]), manifest["leaves"], values
        raise CheckpointError(f"{self.directory}: not found")

    def _write(
        self, checkpoint: Checkpoint, description: list[list[Any]], values: Iterable[np.ndarray]
    ) -> None:
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
                    return self._read(path, like)
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

    def _read(self, path: Path, like: PyTree) -> Checkpoint:
        manifest = json.loads((path / MANIFEST).read_bytes())
        if manifest["identity"] != self.identity:
            raise ValueError("it belongs to other seeds or another cell")
        leaves = _leaves(like)
        if fault := _difference(manifest["leaves"], _description(leaves), "in the checkpoint"):
            by = manifest["facts"].get("provenance", {}).get("versions", {}).get("tpo-runs")
            writer = f"; tpo-runs {by}, which wrote it, can resume from it" if by else ""
            raise ValueError(f"its arrays do not match this policy and optimizer: {fault}{writer}")
        with np.load(path / STATE, allow_pickle=False) as file:
            loaded = [_like(leaf, file[f"{i}"]) for i, leaf in enumerate(leaves.values())]
        with np.load(path / METRICS, allow_pickle=False) as file:
            metrics = {name: file[name] for name in file.files}
        arrays, static = eqx.partition(like, eqx.is_array)
        state = eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), loaded), static)
        return Checkpoint(int(manifest["step"]), state, metrics, manifest["facts"])


def _leaves(state: PyTree) -> dict[str, Any]:
    """The arrays of a state by their paths."""
    with_paths, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(state, eqx.is_array))
    return {jax.tree_util.keystr(path): leaf for path, leaf in with_paths}


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _like(leaf: Any, saved: np.ndarray) -> Array:
    """A saved array in its original form."""
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.array(saved, copy=True), impl=jax.random.key_impl(leaf))
    # NumPy loads dtypes that it does not know, such as bfloat16, as bytes. The copy is needed because the
    # compiled loop donates its arguments.
    return jnp.array(saved.view(leaf.dtype), copy=True)


def difference(there: PyTree, here: PyTree) -> str:
    """Describe the first array of a state that another has not, or has in another shape or dtype."""
    return _difference(_description(_leaves(there)), _description(_leaves(here)), "there")


def _difference(there: Sequence[Sequence[Any]], here: Sequence[Sequence[Any]], place: str) -> str:
    """Describe the first array that is missing on one side, or has another shape or dtype there."""
    saved, now = ({path: f"{dtype}{shape}" for path, shape, dtype in side} for side in (there, here))
    for path in [*now, *saved]:
        if saved.get(path) != now.get(path):
            there_is, here_is = saved.get(path, "missing"), now.get(path, "missing")
            return f"{path or 'the state'} is {there_is} {place}, {here_is} in this run"
    return "" if [*saved] == [*now] else "their order differs"


def _description(leaves: Mapping[str, Any]) -> list[list[Any]]:
    return [[path, list(leaf.shape), str(leaf.dtype)] for path, leaf in leaves.items()]
