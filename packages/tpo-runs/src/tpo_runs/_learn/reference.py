"""A penalty for moving away from the initial policy."""

import dataclasses
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from .batch import Batch
from .rollout import AbstractRollout


class WithReference(AbstractRollout):
    r"""A rollout whose batches have the log-probs of the initial policy, for a KL penalty in the loss.

    The trainer adds $\beta$ times the mean of `tpo_objectives.kl.k3` over the tokens that exist, or over the
    answers where the objective reads no tokens. The reference costs the memory of a policy and a forward pass
    on each batch.

    **Arguments:**

    - `rollout`: draws the batches.
    - `kl_coef`: $\beta$, above 0.

    Source: arXiv 2402.03300, equation 4.
    """

    rollout: AbstractRollout
    kl_coef: float = eqx.field(static=True)

    @property
    def grouped(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether the inner rollout makes groups."""
        return self.rollout.grouped

    @property
    def task(self) -> Any:
        """The inner rollout's task."""
        inner: Any = self.rollout
        return inner.task

    @property
    def prompts(self) -> int:
        """The prompts of a batch."""
        return getattr(self.rollout, "prompts", 1)

    def init(self, policy: PyTree, key: PRNGKeyArray) -> PyTree:
        """The initial policy, and the state of the inner rollout."""
        return eqx.filter(policy, eqx.is_array), self.rollout.init(policy, key)

    def draw(self, policy: Any, state: PyTree, key: PRNGKeyArray) -> tuple[Batch, PyTree]:
        """Draw a batch, and score it under the initial policy."""
        arrays, inner = state
        batch, inner = self.rollout.draw(policy, inner, key)
        reference = eqx.combine(arrays, eqx.filter(policy, eqx.is_array, inverse=True))
        ref_logp = self.rollout.log_probs(reference, batch)
        batch = dataclasses.replace(batch, ref_logp=ref_logp, kl_coef=self.kl_coef)
        return batch, (arrays, inner)

    def log_probs(self, policy: Any, batch: Batch) -> Float[Array, "*b"]:
        """The log-probs of the batch's samples under a policy."""
        return self.rollout.log_probs(policy, batch)
