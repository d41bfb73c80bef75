"""Rollouts of token tasks: single answers, groups of whole answers, and groups of next tokens."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .baselines import Baseline
from .batch import Batch
from .layout import over_prompts, split_prompts
from .protocols import TokenPolicy, TokenTask
from .rollout import AbstractRollout
from .sampling import answer_log_probs, sample_actions


class Single(AbstractRollout):
    """One answer to each prompt. Every token is a sample, `[b, h]`; its score is its reward minus a baseline.

    The score of a token depends only on its own reward; there is no return-to-go.
    """

    grouped: ClassVar[bool] = False
    task: TokenTask
    prompts: int = eqx.field(static=True)
    baseline: Baseline = eqx.field(static=True)

    def draw(self, policy: TokenPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw prompts, sample answers and score their tokens."""
        prompt_key, answer_key = jax.random.split(key)
        prompts = split_prompts(self.task.prompts(prompt_key, self.prompts))
        answers, logp = policy.sample(answer_key, prompts, 1)
        rewards = self.task.token_rewards(prompts, answers[:, 0])
        error = jnp.mean(1 - rewards)
        return Batch((prompts, answers), logp[:, 0], self.baseline(rewards), rewards, error), state

    def log_probs(self, policy: TokenPolicy, batch: Batch) -> Float[Array, "b h"]:
        """The log-prob of each token."""
        prompts, answers = batch.inputs
        return answer_log_probs(policy, prompts, answers)[:, 0]


class SequenceGroup(AbstractRollout):
    """`candidates` independent answers to each prompt form a group, `[b, k]`. Duplicates are kept.

    The log-prob of a candidate is the sum over its tokens; its score is the mean reward of its tokens. With
    `tokens`, the token log-probs stay separate, `[b, k, h]`, for objectives that read them.
    """

    task: TokenTask
    prompts: int = eqx.field(static=True)
    candidates: int = eqx.field(static=True)
    tokens: bool = eqx.field(static=True, default=False)

    def draw(self, policy: TokenPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw prompts, sample groups of answers and score them."""
        prompt_key, answer_key = jax.random.split(key)
        prompts = split_prompts(self.task.prompts(prompt_key, self.prompts))
        answers, logp = policy.sample(answer_key, prompts, self.candidates)
        rewards = self.task.token_rewards(prompts[:, None], answers)
        scores = jnp.mean(rewards, axis=-1)
        error = jnp.mean(1 - rewards)
        old_logp = logp if self.tokens else jnp.sum(logp, axis=-1)
        return Batch((prompts, answers), old_logp, scores, scores, error), state

    def log_probs(self, policy: TokenPolicy, batch: Batch) -> Float[Array, "b k *h"]:
        """The log-prob of each candidate, or of each of its tokens."""
        prompts, answers = batch.inputs
        logp = answer_log_probs(policy, prompts, answers)
        return logp if self.tokens else jnp.sum(logp, axis=-1)


class TokenGroup(AbstractRollout):
    """`candidates` next tokens at each prefix of one answer to each prompt form a group, `[b, h, k]`.

    Candidate 0 is the token of the answer. The others are drawn independently from the same distribution, and
    duplicates are kept. One pass over the answer gives the log-probs of all candidates at all prefixes. The
    score of a candidate is the task's `candidate_rewards` at its prefix, so rewards must be dense.
    `Batch.error` is the error of the answers and does not depend on the other candidates.

    Source: arXiv 2604.06159, section 4.
    """

    task: TokenTask
    prompts: int = eqx.field(static=True)
    candidates: int = eqx.field(static=True)

    def draw(self, policy: TokenPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw prompts, sample answers and candidates at each of their prefixes, and score the candidates."""
        prompt_key, answer_key, candidate_key = jax.random.split(key, 3)
        prompts = split_prompts(self.task.prompts(prompt_key, self.prompts))
        answers = policy.sample(answer_key, prompts, 1)[0][:, 0]
        log_softmax = policy.answer_log_softmax(prompts, answers[:, None])[:, 0]
        by_prefix = log_softmax.reshape(-1, log_softmax.shape[-1])
        others = sample_actions(candidate_key, by_prefix, self.candidates - 1).reshape(*answers.shape, -1)
        candidates = jnp.concatenate([answers[..., None], others], axis=-1)
        rewards = self.task.candidate_rewards(prompts, answers, candidates)
        batch = Batch(
            inputs=(prompts, answers, candidates),
            old_logp=_of_candidates(log_softmax, candidates),
            scores=rewards,
            rewards=rewards,
            error=jnp.mean(1 - self.task.token_rewards(prompts, answers)),
        )
        return batch, state

    def log_probs(self, policy: TokenPolicy, batch: Batch) -> Float[Array, "b h k"]:
        """The log-prob of each candidate at its prefix."""
        return over_prompts(_score_candidates)(policy, *batch.inputs)


def _score_candidates(
    policy: TokenPolicy,
    prompts: Int[Array, "b p"],
    answers: Int[Array, "b h"],
    candidates: Int[Array, "b h k"],
) -> Float[Array, "b h k"]:
    return _of_candidates(policy.answer_log_softmax(prompts, answers[:, None])[:, 0], candidates)


def _of_candidates(
    log_softmax: Float[Array, "b h vocab"], candidates: Int[Array, "b h k"]
) -> Float[Array, "b h k"]:
    # Sum over one-hot rows, because the gradient of a gather is a scatter, which is slow.
    chosen = jax.nn.one_hot(candidates, log_softmax.shape[-1], dtype=bool)
    # Do not use a product: the log-prob of an impossible token times 0 is NaN.
    return jnp.sum(jnp.where(chosen, log_softmax[..., None, :], 0.0), axis=-1)
