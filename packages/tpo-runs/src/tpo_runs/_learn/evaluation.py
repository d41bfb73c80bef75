"""Measures of the policy itself, taken every few steps."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, PRNGKeyArray, PyTree, Scalar

Measure: TypeAlias = Callable[[Any, PRNGKeyArray], dict[str, Scalar]]
"""From a policy and a key to numbers by the names of their columns."""

# Folded into a step's key: beyond any number of keys that a rollout splits off it.
_MEASURES = 2**32 - 1


class Evaluation(eqx.Module):
    """Measures of the policy, taken after every `every`-th step. They are NaN after the other steps.

    **Arguments:**

    - `measures`: functions `(policy, key) -> {column: number}`. All columns have different names.
    - `every`: steps from one evaluation to the next, at least 1; the first one is after `every` steps.
    """

    measures: tuple[Measure, ...]
    every: int = eqx.field(static=True)

    def __call__(self, policies: PyTree, keys: Key[Array, " s"], step: Int[Array, ""]) -> dict[str, Array]:
        """The columns `[s]` of stacked policies after step `step`.

        **Arguments:**

        - `policies`: the policies of `s` seeds, stacked.
        - `keys`: the keys `[s]` that the keys of steps are folded from.
        - `step`: the index of the step.

        **Raises:** `ValueError` if two measures return the same column.
        """

        def take(policies):
            columns = {}
            for i, measure in enumerate(self.measures):
                found = eqx.filter_vmap(measure)(policies, jax.vmap(_key, (0, None, None))(keys, step, i))
                if twice := columns.keys() & found.keys():
                    raise ValueError(f"two measures return the column {min(twice)!r}")
                columns |= found
            return columns

        arrays, static = eqx.partition(policies, eqx.is_array)
        shapes = jax.eval_shape(lambda arrays: take(eqx.combine(arrays, static)), arrays)
        return jax.lax.cond(
            (step + 1) % self.every == 0,
            lambda arrays: take(eqx.combine(arrays, static)),
            lambda _: jax.tree.map(lambda shape: jnp.full(shape.shape, jnp.nan, shape.dtype), shapes),
            arrays,
        )


def _key(key: PRNGKeyArray, step: Int[Array, ""], index: int) -> PRNGKeyArray:
    """The key of a seed's measure at a step."""
    of_step = jax.random.fold_in(jax.random.fold_in(key, step), _MEASURES)
    return jax.random.fold_in(of_step, index)
