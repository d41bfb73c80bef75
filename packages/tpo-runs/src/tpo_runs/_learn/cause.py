"""Finding the operation that made a NaN, with JAX_DEBUG_NANS or JAX_DEBUG_INFS."""

import contextlib
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from .train import seed_keys
from .trainer import Trainer


def raise_at_cause(trainer: Trainer, state: PyTree, seed: int, step: int, settings: Sequence[str]) -> None:
    """Run the step at which a seed diverged again, without compilation, so that JAX raises at its first NaN.

    Args:
        trainer: how the seed is trained.
        state: its state before the step.
        seed: the seed.
        step: the index of the step.
        settings: the settings of JAX that are on, such as `jax_debug_nans`.

    Raises:
        FloatingPointError: at the operation that made the NaN.
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
