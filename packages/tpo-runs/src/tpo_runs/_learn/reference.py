"""A KL penalty toward the initial policy."""

import dataclasses
from typing import Any

import equinox as eqx
from jaxtyping import PRNGKeyArray, PyTree

from .batch import Batch
from .rollout import AbstractWrapper


class WithReference(AbstractWrapper):
    r"""A rollout whose batches contain the log-probs of the initial policy, for a KL penalty in the loss.

    The trainer adds $\beta$ times the mean of `tpo_objectives.kl.k3` over the tokens that exist, or over the
    answers if the objective reads no tokens. The reference takes the memory of a policy and a forward pass on
    each batch.

    **Arguments:**

    - `rollout`: draws the batches.
    - `kl_coef`: $\beta$, above 0.

    Source: arXiv 2402.03300, equation 4.
    """

    kl_coef: float = eqx.field(static=True)

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
