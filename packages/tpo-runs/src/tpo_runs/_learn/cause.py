"""Where a NaN comes from, for those who ask with JAX_DEBUG_NANS or JAX_DEBUG_INFS."""

import contextlib
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from .train import seed_keys
from .trainer import Trainer


def raise_at_cause(trainer: Trainer, state: PyTree, seed: int, step: int, settings: Sequence[str]) -> None:
    """Repeat the step at which a seed was lost, operation by operation; JAX raises at the first NaN.

    Args:
        trainer: how the seed is trained.
        state: its state before the step.
        seed: the seed.
        step: the step.
        settings: those of JAX that say what to look for.

    Raises:
        FloatingPointError: at the operation that made it.
    """
    key = jax.random.fold_in(seed_keys(jnp.asarray([seed])).steps[0], step)
    with contextlib.ExitStack() as stack:
        for name in settings:
            stack.enter_context(getattr(jax, name.removeprefix("jax_"))(True))
        stack.enter_context(jax.disable_jit())
        trainer.episode(state, key, jnp.int32(step))


def row_of(states: PyTree, row: int) -> PyTree:
    """The state of one of the seeds."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[row] if eqx.is_array(leaf) else leaf, states)
