"""Measures of the policy itself, taken every few steps."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key, PRNGKeyArray, PyTree, Scalar

Measure: TypeAlias = Callable[[Any, PRNGKeyArray], dict[str, Scalar]]
"""From a policy and a key to numbers by the names of their columns."""

# Folded into a step's key; larger than any number of keys that a rollout splits off.
_MEASURES = 2**32 - 1


class Evaluation(eqx.Module):
    """Measures of the policy, taken after every `every`-th step. They are NaN after the other steps.

    **Arguments:**

    - `measures`: functions `(policy, key) -> {column: number}`. Column names must be unique.
    - `every`: steps between evaluations, at least 1; the first evaluation comes after `every` steps.
    - `before`: whether step 0 records the measures of the initial policy, unless `every` is 1.
    """

    measures: tuple[Measure, ...]
    every: int = eqx.field(static=True)
    before: bool = eqx.field(static=True, default=False)

    def measured(self, earlier: PyTree, later: PyTree, step: Int[Array, ""]) -> PyTree:
        """The policies to measure at step `step`: those before or after it."""
        if not self._starts_before:
            return later
        old, (new, static) = eqx.filter(earlier, eqx.is_array), eqx.partition(later, eqx.is_array)
        chosen = jax.lax.cond(step == 0, _first, _second, (old, new))
        return eqx.combine(chosen, static)

    @property
    def _starts_before(self) -> bool:
        return self.before and self.every > 1

    def __call__(self, policies: PyTree, keys: Key[Array, " s"], step: Int[Array, ""]) -> dict[str, Array]:
        """The columns `[s]` of stacked policies at step `step`.

        **Arguments:**

        - `policies`: the stacked policies of `s` seeds, from `measured`.
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
        due = (step + 1) % self.every == 0
        if self._starts_before:
            due |= step == 0
        shapes = jax.eval_shape(lambda arrays: take(eqx.combine(arrays, static)), arrays)
        return jax.lax.cond(
            due,
            lambda arrays: take(eqx.combine(arrays, static)),
            lambda _: jax.tree.map(lambda shape: jnp.full(shape.shape, jnp.nan, shape.dtype), shapes),
            arrays,
        )


def _first(pair: tuple[PyTree, PyTree]) -> PyTree:
    return pair[0]


def _second(pair: tuple[PyTree, PyTree]) -> PyTree:
    return pair[1]


def _key(key: PRNGKeyArray, step: Int[Array, ""], index: int) -> PRNGKeyArray:
    """The key of a seed's measure at a step."""
    of_step = jax.random.fold_in(jax.random.fold_in(key, step), _MEASURES)
    return jax.random.fold_in(of_step, index)
