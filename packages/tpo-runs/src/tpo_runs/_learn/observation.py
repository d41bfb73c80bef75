"""What can be measured on a training step without taking part in it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PyTree, Scalar

from .batch import AbstractRollout, Batch
from .protocols import Objective


class Observation(eqx.Module):
    """One episode as a probe sees it.

    **Arguments:**

    - `rollout`, `batch`: how the batch was sampled, and the batch.
    - `objective`: the loss that was minimised on it.
    - `before`, `after`: the policy before the first gradient step and after the last.
    - `first_gradient`: the gradient of the first step, in the shape of the policy's float arrays.
    - `step`: the episode's index, from 0.
    """

    rollout: AbstractRollout
    batch: Batch
    objective: Objective = eqx.field(static=True)
    before: Any
    after: Any
    first_gradient: PyTree
    step: Int[Array, ""]


Probe: TypeAlias = Callable[[Observation], Scalar]
Measure: TypeAlias = Callable[[Any], Scalar | dict[str, Scalar]]


class Evaluation(eqx.Module):
    """Measures of the policy itself, taken after every `every`-th episode and NaN at the others.

    A measure is a number, or numbers by name: their columns are called `measure_name`.
    """

    measures: Mapping[str, Measure]
    every: int = eqx.field(static=True)

    def __call__(self, policies: PyTree, step: Int[Array, ""]) -> dict[str, Array]:
        """The measures of stacked policies `[seeds]` after episode `step`."""

        def take(policies):
            columns = {}
            for name, measure in self.measures.items():
                values = eqx.filter_vmap(measure)(policies)
                parts = values if isinstance(values, dict) else {"": values}
                columns |= {f"{name}_{part}" if part else name: value for part, value in parts.items()}
            return columns

        arrays, static = eqx.partition(policies, eqx.is_array)
        shapes = jax.eval_shape(lambda arrays: take(eqx.combine(arrays, static)), arrays)
        return jax.lax.cond(
            (step + 1) % self.every == 0,
            lambda arrays: take(eqx.combine(arrays, static)),
            lambda _: jax.tree.map(lambda shape: jnp.full(shape.shape, jnp.nan, shape.dtype), shapes),
            arrays,
        )
