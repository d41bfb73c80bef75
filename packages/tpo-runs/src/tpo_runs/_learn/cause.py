"""Finds the operation that produced a NaN, with JAX_DEBUG_NANS or JAX_DEBUG_INFS."""

import contextlib
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from .train import seed_keys
from .trainer import Trainer


def raise_at_cause(trainer: Trainer, state: PyTree, seed: int, step: int, settings: Sequence[str]) -> None:
    """Rerun the step at which a seed diverged without compilation, so that JAX raises at the first NaN.

    Args:
        trainer: the trainer of the seed.
        state: its state before the step.
        seed: the seed.
        step: the index of the step.
        settings: the JAX settings that are enabled, such as `jax_debug_nans`.

    Raises:
        FloatingPointError: at the operation that produced the NaN.
    """
    key = jax.random.fold_in(seed_keys(jnp.asarray([seed])).steps[0], step)
    with contextlib.ExitStack() as stack:
        for name in settings:
            stack.enter_context(getattr(jax, name.removeprefix("jax_"))(True))
        stack.enter_context(jax.disable_jit())
        trainer.episode(state, key, jnp.int32(step))


def row_of(states: PyTree, row: int) -> PyTree:
    """The state of one seed, from the stacked states."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[row] if eqx.is_array(leaf) else leaf, states)
