"""Trained policies: stored on request, and loaded."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PyTree

from .._config import Cell, drop_changed, sources_of
from .._errors import ConfigError
from .._learn import TrainState, initial_policies, row_of, split_policy
from .._store import Store, StoredBlock, check_holds_run, choose_entry
from .._text import cell_label
from .build import build_policy, trainable_of
from .checkpoint import Checkpoint, CheckpointError, kept_ends, kept_policies
from .machine import data_hashes

KEEP = "train with --schedule.keep_policies true, and --overwrite if the run is complete"


class TrainedPolicy(NamedTuple):
    """The policy of one seed of a cell, after its last step."""

    cell: Cell
    seed: int
    policy: PyTree


def keep_policies(store: Store, cell: Cell, seeds: Sequence[int], end: Checkpoint) -> None:
    """Store the trained parameters of a block of seeds, and the rest of its state, to train it longer."""
    state: TrainState = end.state
    kept_policies(store, cell.key, seeds).save(Checkpoint(end.step, state.policy, {}, _origin(cell)))
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
    drop_changed()
    return load_trained(Path(out), method, seed=seed, point=point or {}).policy


def load_trained(
    out: Path,
    method: str | None,
    *,
    seed: int | None,
    point: Mapping[str, Any],
    config: Path | None = None,
) -> TrainedPolicy:
    """The policy of `load_policy`, with its cell and seed.

    A user's own modules are beside `config`; by default beside the manifest of the run.
    """
    check_holds_run(out)
    store = Store(out)
    entry = choose_entry(store, method, point)
    label = cell_label(entry["method"], entry["point"])
    blocks = [block for block in store.blocks(entry["key"]) if seed is None or seed in block.seeds]
    if not blocks:
        there = sorted(store.finished_seeds(entry["key"]))
        raise ConfigError([f"{out}: {label}: seed {seed} is not complete; complete seeds: {there or 'none'}"])
    block = blocks[0]
    where = {"point": entry["point"], "config": config or store.config_path}
    cell = block.cell().model_copy(update=where)
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
    changed = [
        name
        for fact, values in _origin(cell).items()
        for name, value in values.items()
        if checkpoint.facts.get(fact, values).get(name) != value
    ]
    if changed:
        names = ", ".join(changed)
        raise ConfigError(
            [f"{place}: {names} has changed since training; restore the files that it was trained with"]
        )
    return eqx.combine(checkpoint.state, frozen)


def _origin(cell: Cell) -> dict[str, dict[str, str]]:
    """The hashes of what a policy is made of: its data, and a user's own modules."""
    return {"data": data_hashes(cell), "modules": sources_of(cell, "task", "policy")}
