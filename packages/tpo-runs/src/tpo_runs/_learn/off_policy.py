"""Batches sampled from another policy than the trained one."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from .batch import Batch
from .rollout import AbstractWrapper

Correction: TypeAlias = Callable[..., Float[Array, "*b"]]
"""From the trainer's log-probs at sampling time and the sampler's to weights, as in
`tpo_objectives.corrections`."""


class OffPolicy(AbstractWrapper):
    """A rollout whose batches are sampled from an older, tempered or less precise policy.

    **Arguments:**

    - `rollout`: draws the batches; it may use only `sample` and `log_probs` of the policy.
    - `stale_steps`: the sampler is the policy from this many steps ago, initially the initial policy. It
        takes the memory of as many policies.
    - `temperature`: divides the sampler's logits; None leaves them as they are.
    - `top_p`: the sampler draws from the most probable tokens whose total probability reaches this; None
        draws from all tokens. The policy's `sample` must support it.
    - `dtype`: the dtype of the sampler's parameters; None leaves them as they are.
    - `trainer_logp`: whether `Batch.old_logp` comes from the trained policy before the step's updates, which
        takes a forward pass, instead of from the sampler.
    - `correction`: with `trainer_logp`, computes the token weights `Batch.corrections`; None for no weights.

    Source: arXiv 2604.06159, section 6, names stale policies and samplers that differ from the trainer as
    open questions; the corrections come from arXiv 2510.18855.
    """

    stale_steps: int = eqx.field(static=True, default=0)
    temperature: float | None = eqx.field(static=True, default=None)
    top_p: float | None = eqx.field(static=True, default=None)
    dtype: str | None = eqx.field(static=True, default=None)
    trainer_logp: bool = eqx.field(static=True, default=False)
    correction: Correction | None = eqx.field(static=True, default=None)

    def init(self, policy: PyTree, key: PRNGKeyArray) -> PyTree:
        """The older policies, the oldest first, and the state of the inner rollout."""
        arrays = eqx.filter(policy, eqx.is_array)
        older = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], self.stale_steps, axis=0), arrays)
        return older, self.rollout.init(policy, key)

    def draw(self, policy: Any, state: PyTree, key: PRNGKeyArray) -> tuple[Batch, PyTree]:
        """Draw a batch from the sampler."""
        older, inner = state
        arrays, static = eqx.partition(policy, eqx.is_array)
        queue = jax.tree.map(lambda old, new: jnp.concatenate([old, new[None]]), older, arrays)
        oldest = jax.tree.map(lambda leaves: leaves[0], queue)
        batch, inner = self.rollout.draw(self._sampler(eqx.combine(oldest, static)), inner, key)
        sampler_logp = batch.old_logp.astype(jnp.promote_types(batch.old_logp.dtype, jnp.float32))
        batch = eqx.tree_at(lambda b: b.old_logp, batch, sampler_logp)
        if self.trainer_logp:
            logp = self.rollout.log_probs(policy, batch)
            batch = eqx.tree_at(lambda b: b.old_logp, batch, logp)
            if self.correction is not None:
                corrections = self.correction(logp, sampler_logp, **batch.mask)
                batch = eqx.tree_at(lambda b: b.corrections, batch, corrections, is_leaf=lambda x: x is None)
        return batch, (jax.tree.map(lambda leaves: leaves[1:], queue), inner)

    def _sampler(self, policy: Any) -> Any:
        if self.dtype is not None:
            policy = jax.tree.map(
                lambda leaf: leaf.astype(self.dtype) if eqx.is_inexact_array(leaf) else leaf, policy
            )
        options = {"temperature": self.temperature, "top_p": self.top_p}
        options = {name: value for name, value in options.items() if value is not None}
        return _Sampler(policy, tuple(options.items())) if options else policy


class _Sampler(eqx.Module):
    """A policy that samples with other options, such as a temperature."""

    policy: Any
    options: tuple[tuple[str, float], ...] = eqx.field(static=True)

    def sample(self, key: PRNGKeyArray, prompts: Array, candidates: int, **options: Any) -> Any:
        return self.policy.sample(key, prompts, candidates, **dict(self.options), **options)

    def log_probs(self, prompts: Array, answers: Array) -> Array:
        log_softmax = self.answer_log_softmax(prompts, answers)
        return jnp.take_along_axis(log_softmax, answers[..., None], axis=-1)[..., 0]

    def answer_log_softmax(self, prompts: Array, answers: Array) -> Array:
        temperature = dict(self.options).get("temperature", 1.0)
        return jax.nn.log_softmax(self.policy.answer_log_softmax(prompts, answers) / temperature)
