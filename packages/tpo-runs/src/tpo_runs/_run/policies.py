"""Trained policies: stored on request, and loaded again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PyTree

from .._config import Cell, drop_changed, sources_of
from .._errors import ConfigError
from .._learn import TrainState, initial_policies, row_of, split_policy
from .._store import Store, StoredBlock, check_holds_run
from .._text import cell_label, found, one_of
from .build import build_policy, trainable_of
from .checkpoint import Checkpoint, CheckpointError, Checkpoints
from .machine import origin

KEEP = "train with --schedule.keep_policies true, and --overwrite if the run is complete"
# The sections that make a policy.
MAKERS = ("task", "policy")


class TrainedPolicy(NamedTuple):
    """The policy of one seed of a cell, after its last step."""

    cell: Cell
    seed: int
    policy: PyTree


def keep_policies(store: Store, cell: Cell, seeds: Sequence[int], end: Checkpoint) -> None:
    """Store the trained parameters of a block of seeds, and the rest of its state, to train it longer.

    Raises:
        StorageError: they cannot be written.
    """
    known = {"data": end.facts["provenance"]["data"], "modules": sources_of(cell, *MAKERS)}
    state: TrainState = end.state
    kept_policies(store, cell.key, seeds).save(Checkpoint(end.step, state.policy, {}, known))
    rest = TrainState(None, state.optimizer_state, state.rollout_state)
    kept_ends(store, cell.key, seeds).save(end._replace(state=rest))


def load_policy(
    out: str | Path,
    method: str | None = None,
    *,
    seed: int | None = None,
    point: Mapping[str, Any] | None = None,
) -> PyTree:
    """A trained policy of a run with `schedule.keep_policies = true`.

    Args:
        out: the output directory of the run.
        method: its method; not needed if there is only one.
        seed: its seed; by default the first one.
        point: values of axes of the grid, such as `{"task.horizon": 7}`; those that vary are needed.

    Returns:
        The policy, such as a `tpo_models.LanguageModel`, after the last step.

    Raises:
        ConfigError: there is no such policy, its files are damaged, or the pretrained model has changed.
    """
    return load_trained(Path(out), method, seed=seed, point=point or {}).policy


def load_trained(
    out: Path, method: str | None, *, seed: int | None, point: Mapping[str, Any]
) -> TrainedPolicy:
    """The policy of `load_policy`, with its cell and seed."""
    check_holds_run(out)
    drop_changed()
    store = Store(out)
    entry = _choose(store.manifest()["cells"], method, point, out)
    label = cell_label(entry["method"], entry["point"])
    blocks = [block for block in store.blocks(entry["key"]) if seed is None or seed in block.seeds]
    if not blocks:
        there = sorted(store.finished_seeds(entry["key"]))
        raise ConfigError([f"{out}: {label}: seed {seed} is not complete; complete are {there or 'none'}"])
    block = blocks[0]
    # A user's own modules may be beside the run.
    cell = block.cell().model_copy(update={"point": entry["point"], "config": store.config_path})
    policies = _restored(store, cell, block, f"{out}: {label}")
    seed = block.seeds.start if seed is None else seed
    return TrainedPolicy(cell, seed, row_of(policies, block.seeds.index(seed)))


def _restored(store: Store, cell: Cell, block: StoredBlock, place: str) -> PyTree:
    """The stacked policies of a block."""
    kept = kept_policies(store, cell.key, block.seeds)
    policies = initial_policies(build_policy(cell), jnp.asarray(block.seeds))
    params, frozen = split_policy(policies, trainable_of(cell))
    damages: list[str] = []
    try:
        checkpoint = kept.latest(params, damages.append)
    except CheckpointError as error:
        raise ConfigError([str(error)]) from None
    if checkpoint is None:
        lines = damages or [f"{place}: the policies were not kept"]
        raise ConfigError([f"{line.partition('; falling back')[0]}; {KEEP}" for line in lines])
    now = {"data": origin(cell)["data"], "modules": sources_of(cell, *MAKERS)}
    changed = [
        name
        for fact, values in now.items()
        for name, value in values.items()
        if checkpoint.facts.get(fact, values).get(name) != value
    ]
    if changed:
        names = ", ".join(changed)
        raise ConfigError([f"{place}: {names} has changed since training; use the files of that time"])
    return eqx.combine(checkpoint.state, frozen)


def kept_policies(store: Store, key: str, seeds: Sequence[int]) -> Checkpoints:
    """The trained parameters of a block of seeds."""
    return Checkpoints(store.policies(key, seeds), {"cell": key, "seeds": list(seeds)})


def kept_ends(store: Store, key: str, seeds: Sequence[int]) -> Checkpoints:
    """The rest of the state after the last step."""
    return Checkpoints(store.ends(key, seeds), {"cell": key, "seeds": list(seeds)})


def _choose(
    entries: Sequence[Mapping[str, Any]], method: str | None, point: Mapping[str, Any], out: Path
) -> Mapping[str, Any]:
    """The only cell of a run that has this method and these values of axes."""
    methods = list(dict.fromkeys(entry["method"] for entry in entries))
    if method is not None and method not in methods:
        raise ConfigError([f"{out}: no method is named {found(method)}{one_of(method, methods)}"])
    axes = list(dict.fromkeys(axis for entry in entries for axis in entry["point"]))
    for axis in point:
        if axis not in axes:
            raise ConfigError([f"{out}: {found(axis)} is not an axis of the grid{one_of(axis, axes)}"])
    fitting = [
        entry
        for entry in entries
        if method in (None, entry["method"])
        and all(entry["point"].get(axis) == value for axis, value in point.items())
    ]
    if len(fitting) == 1:
        return fitting[0]
    labels = "; ".join(cell_label(entry["method"], entry["point"]) for entry in fitting or entries)
    fault = "several policies fit; name the method and the grid point of one" if fitting else "none fits"
    raise ConfigError([f"{out}: {fault}: {labels}"])
