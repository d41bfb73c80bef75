"""Starting from the trained policies of another run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from .._config import Cell
from .._errors import ConfigError
from .._learn import initial_policies, split_policy
from .._store import Store, choose_entry
from .arrays import described, difference
from .build import build_policy, trainable_of
from .policies import load_trained


def check_starts(cells: Iterable[Cell]) -> None:
    """Refuse cells that start from policies that are missing, or whose arrays do not fit."""
    lines: dict[str, None] = {}
    for cell in cells:
        if (start := cell.policy.start) is None:
            continue
        try:
            store = Store(start.out)
            there = store.finished_seeds(choose_entry(store, start.method, start.point)["key"])
            missing = [seed for seed in cell.seeds if seed not in there] if start.seed is None else []
            # One policy shows whether all fit.
            start_policies(cell, missing[:1] or cell.seeds[:1])
        except ConfigError as error:
            lines.update(dict.fromkeys(f"policy.start: {line}" for line in error.lines))
    if lines:
        raise ConfigError(lines)


def start_policies(cell: Cell, seeds: Sequence[int]) -> PyTree:
    """The stacked policies that seeds start from: new ones, or with trained parameters of another run."""
    new = initial_policies(build_policy(cell), jnp.asarray(seeds))
    if (start := cell.policy.start) is None:
        return new
    out, trainable = Path(start.out), trainable_of(cell)

    def params_of(seed: int) -> PyTree:
        seed = seed if start.seed is None else start.seed
        trained = load_trained(out, start.method, seed=seed, point=start.point, config=cell.config)
        return split_policy(trained.policy, trainable)[0]

    params = jax.tree.map(lambda *rows: jnp.stack(rows), *map(params_of, seeds))
    own, frozen = split_policy(new, trainable)
    if fault := difference(described(params), described(own)):
        raise ConfigError([f"{out}: its policies do not fit this one: {fault}"])
    # Only the arrays: a user's own class may have been imported from another file there.
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(own), jax.tree.leaves(params)), frozen)
