"""Checkpoints of a block of seeds in training: the state, and the metrics up to it."""

import contextlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from .._errors import as_storage_error, reason_of
from .._files import appearing_whole, damage, discard, json_bytes

KEPT = 2
STATE, METRICS, MANIFEST = "state.npz", "metrics.npz", "manifest.json"
FILES = (STATE, METRICS, MANIFEST)
NAME = re.compile(r"step-\d{9,}")


class CheckpointError(Exception):
    """A checkpoint that is intact and cannot be gone on from; the message is one line that says why."""


class Checkpoint(NamedTuple):
    """Where a block of seeds stood: after `step` steps.

    Args:
        step: the number of steps done, which is the index of the next one.
        state: what training changes.
        metrics: of all steps done.
        facts: what else was known: seconds, provenance.
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
    """The last two checkpoints of a block of seeds, as directories `step-N` of one directory.

    Each holds arrays as `.npz` files without pickle, a manifest of their tree paths, shapes and dtypes, and
    the hashes of them all.
    """

    def __init__(self, directory: Path, identity: Mapping[str, Any]):
        """Those of the block that `identity`, made of what JSON can hold, tells from others."""
        self.directory = directory
        self.identity = dict(identity)

    def save(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint, which is visible only when it is complete, and remove the third last.

        Raises:
            StorageError: it cannot be written; those before it stay.
        """
        leaves = _leaves(checkpoint.state)
        manifest = {
            "identity": self.identity,
            "step": checkpoint.step,
            "facts": checkpoint.facts,
            "leaves": _description(leaves),
        }
        target = self.directory / f"step-{checkpoint.step:09d}"
        with as_storage_error(target, "the checkpoint before it is intact; rerun to go on from there"):
            self._make_directory()
            discard(target)
            with appearing_whole(target) as temporary:
                arrays = {f"{i}": _as_numpy(leaf) for i, leaf in enumerate(leaves.values())}
                np.savez(temporary / STATE, **arrays)  # pyright: ignore[reportArgumentType]
                np.savez(temporary / METRICS, **checkpoint.metrics)  # pyright: ignore[reportArgumentType]
                (temporary / MANIFEST).write_bytes(json_bytes(manifest))
            for old in self._newest_first()[KEPT:]:
                discard(old)

    def latest(self, like: PyTree, tell: Callable[[str], None]) -> Checkpoint | None:
        """The last checkpoint that is intact, or None.

        Args:
            like: a state of the same structure.
            tell: is given one line for each damaged checkpoint, which is then removed.

        Raises:
            CheckpointError: it is intact and of another block, cell or structure, or it cannot be read. It is
                kept: hours of training may be in it.
        """
        for path in self._newest_first():
            fix = f"it is kept; to train these seeds from their start, remove {self.directory}"
            try:
                lines = damage(path, FILES)
                if not lines:
                    return self._read(path, like)
            except OSError as error:
                raise CheckpointError(f"{path}: cannot be read: {reason_of(error)}; {fix}") from error
            except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
                raise CheckpointError(f"{path}: cannot be gone on from: {error}; {fix}") from error
            for line in lines:
                tell(f"{line}; going back to what was saved before it")
            discard(path)
        return None

    def facts(self) -> Mapping[str, Any] | None:
        """What is known about the last checkpoint that is intact, without its arrays; None where none is."""
        for path in self._newest_first():
            if not damage(path):
                return json.loads((path / MANIFEST).read_bytes())["facts"]
        return None

    def remove(self) -> None:
        """Remove all of them, and the directories above that are then empty."""
        discard(self.directory)
        with contextlib.suppress(OSError):  # other blocks of the cell are in training
            self.directory.parent.rmdir()

    def _make_directory(self) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError:
            # Another block of the cell was done and removed the directory above in this moment.
            self.directory.mkdir(parents=True, exist_ok=True)

    def _newest_first(self) -> list[Path]:
        found = (path for path in self.directory.glob("step-*") if NAME.fullmatch(path.name))
        return sorted(found, reverse=True)

    def _read(self, path: Path, like: PyTree) -> Checkpoint:
        manifest = json.loads((path / MANIFEST).read_bytes())
        if manifest["identity"] != self.identity:
            raise ValueError("it belongs to other seeds or another cell")
        leaves = _leaves(like)
        if fault := _difference(manifest["leaves"], _description(leaves)):
            by = manifest["facts"].get("provenance", {}).get("versions", {}).get("tpo-runs")
            writer = f"; tpo-runs {by} wrote it, and goes on from it" if by else ""
            raise ValueError(f"its arrays are not those of this policy and optimizer: {fault}{writer}")
        with np.load(path / STATE, allow_pickle=False) as file:
            loaded = [_like(leaf, file[f"{i}"]) for i, leaf in enumerate(leaves.values())]
        with np.load(path / METRICS, allow_pickle=False) as file:
            metrics = {name: file[name] for name in file.files}
        arrays, static = eqx.partition(like, eqx.is_array)
        state = eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), loaded), static)
        return Checkpoint(int(manifest["step"]), state, metrics, manifest["facts"])


def _leaves(state: PyTree) -> dict[str, Any]:
    """The arrays of a state by their paths."""
    with_paths, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(state, _is_array))
    return {jax.tree_util.keystr(path): leaf for path, leaf in with_paths}


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray)


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _as_numpy(leaf: Any) -> np.ndarray:
    """An array as it is saved: of random keys, their bits; the name of their generator is in their dtype."""
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _like(leaf: Any, saved: np.ndarray) -> Array:
    """A saved array as the one that it was."""
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.array(saved, copy=True), impl=jax.random.key_impl(leaf))
    # Dtypes that NumPy does not know, such as bfloat16, come back as bytes. Copied, since the compiled loop
    # reuses the memory of what it is given.
    return jnp.array(saved.view(leaf.dtype), copy=True)


def _difference(there: Sequence[Sequence[Any]], here: Sequence[Sequence[Any]]) -> str:
    """The first array, by its path, that only one side has, or that has another shape or dtype; in words."""
    saved, now = ({path: f"{dtype}{shape}" for path, shape, dtype in side} for side in (there, here))
    for path in [*now, *saved]:
        if saved.get(path) != now.get(path):
            in_it, here_now = saved.get(path, "not there"), now.get(path, "not there")
            return f"{path or 'the state'} is {in_it} in it, {here_now} in this run"
    return "" if [*saved] == [*now] else "they have another order"


def _description(leaves: Mapping[str, Any]) -> list[list[Any]]:
    return [[path, list(leaf.shape), str(leaf.dtype)] for path, leaf in leaves.items()]
