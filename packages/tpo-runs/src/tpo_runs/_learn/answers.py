"""The rollout for tasks whose answers have an end token."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .batch import Batch
from .layout import split_prompts
from .protocols import AnswerPolicy, AnswerTask
from .rollout import AbstractRollout
from .sampling import answer_log_probs


class AnswerGroup(AbstractRollout):
    """`candidates` independent answers to each prompt, each up to its end token, form a group, `[b, k]`.

    The log-prob of a candidate is the sum over the tokens up to its end token; its score is the task's. With
    `tokens`, the token log-probs stay separate, `[b, k, h]`, with `Batch.where` for those that exist.

    The batch's `inputs` are the prompts, which tokens exist, and the answers.
    """

    task: AnswerTask
    prompts: int = eqx.field(static=True)
    candidates: int = eqx.field(static=True)
    tokens: bool = eqx.field(static=True, default=False)

    def draw(self, policy: AnswerPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw prompts, sample groups of answers until their end tokens, and score them."""
        prompt_key, answer_key = jax.random.split(key)
        prompts = split_prompts(self.task.prompts(prompt_key, self.prompts))
        answers, logp = policy.sample(
            answer_key, prompts, self.candidates, horizon=self.task.horizon, end=self.task.end
        )
        where = self.task.mask(answers)
        scores = self.task.score(prompts[:, None], answers)
        batch = Batch(
            inputs=(prompts, where, answers),
            old_logp=self._of_candidates(logp, where),
            scores=scores,
            rewards=scores,
            error=jnp.mean(1 - scores),
            where=where if self.tokens else None,
        )
        return batch, state

    def log_probs(self, policy: AnswerPolicy, batch: Batch) -> Float[Array, "b k *h"]:
        """The log-prob of each candidate, or of each of its tokens."""
        prompts, where, answers = batch.inputs
        return self._of_candidates(answer_log_probs(policy, prompts, answers), where)

    def _of_candidates(self, logp: Float[Array, "b k h"], where: Array) -> Float[Array, "b k *h"]:
        existing = jnp.where(where, logp, 0.0)
        return existing if self.tokens else jnp.sum(existing, axis=-1)
