"""Rollouts of token tasks: single answers, and groups of whole answers."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._baselines import Baseline
from ._protocols import TokenPolicy, TokenTask
from ._rollout import AbstractRollout, Draw


class Single(AbstractRollout):
    """One answer to each prompt; every token is a sample `[b h]`, its score the reward minus a baseline.

    There is no return-to-go: a token's advantage is that of its own reward.
    """

    task: TokenTask
    prompts: int = eqx.field(static=True)
    baseline: Baseline = eqx.field(static=True)

    def draw(self, policy: TokenPolicy, key: PRNGKeyArray) -> Draw:
        """Sample answers and score their tokens."""
        prompt_key, answer_key = jax.random.split(key)
        prompts = self.task.prompts(prompt_key, self.prompts)
        answers, logp = policy.sample(answer_key, prompts, 1)
        rewards = self.task.token_rewards(prompts, answers[:, 0])
        return Draw((prompts, answers), logp[:, 0], self.baseline(rewards), rewards, 1 - jnp.mean(rewards))

    def log_probs(self, policy: TokenPolicy, draw: Draw) -> Float[Array, "b h"]:
        """The log-prob of every token."""
        prompts, answers = draw.inputs
        return policy.log_probs(prompts, answers)[:, 0]


class SequenceGroup(AbstractRollout):
    """`candidates` independent answers to each prompt form a group `[b k]`; duplicates are kept.

    The log-prob of a candidate is the sum over its tokens, its score the mean of its token rewards.
    """

    task: TokenTask
    prompts: int = eqx.field(static=True)
    candidates: int = eqx.field(static=True)

    def draw(self, policy: TokenPolicy, key: PRNGKeyArray) -> Draw:
        """Sample groups of answers and score them."""
        prompt_key, answer_key = jax.random.split(key)
        prompts = self.task.prompts(prompt_key, self.prompts)
        answers, logp = policy.sample(answer_key, prompts, self.candidates)
        scores = jnp.mean(self.task.token_rewards(prompts[:, None], answers), axis=-1)
        return Draw((prompts, answers), jnp.sum(logp, axis=-1), scores, scores, 1 - jnp.mean(scores))

    def log_probs(self, policy: TokenPolicy, draw: Draw) -> Float[Array, "b k"]:
        """The log-prob of every candidate."""
        prompts, answers = draw.inputs
        return jnp.sum(policy.log_probs(prompts, answers), axis=-1)
