"""The input of probes: one training step."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
from jaxtyping import Array, Float, Int, PyTree, Scalar

from .batch import Batch
from .protocols import Objective
from .rollout import AbstractRollout

Target: TypeAlias = Callable[..., Float[Array, "*b k"]]
"""From `old_logp` and `scores` to a distribution over each group."""
Fitted: TypeAlias = Callable[..., Float[Array, "*b k"]]
"""From `logp`, `old_logp` and `scores` to a distribution over each group."""


class Observation(eqx.Module):
    """One training step, after its last gradient step.

    **Arguments:**

    - `rollout`, `batch`: the rollout, and the batch that it drew.
    - `objective`: the loss that was minimized on the batch.
    - `before`, `after`: the policy before the first gradient step and after the last.
    - `first_gradient`: the gradient of the first gradient step: a PyTree like the policy, with None for
        leaves that are not trained.
    - `step`: the index of the step, from 0.
    - `target`, `fitted`: those of the trainer; None if the objective has no target distribution.
    """

    rollout: AbstractRollout
    batch: Batch
    objective: Objective = eqx.field(static=True)
    before: Any
    after: Any
    first_gradient: PyTree
    step: Int[Array, ""]
    target: Target | None = eqx.field(static=True, default=None)
    fitted: Fitted | None = eqx.field(static=True, default=None)


Probe: TypeAlias = Callable[[Observation], Scalar]
