"""One-step rollouts of bandits: actions that are sampled, and actions that are enumerated."""

import abc
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .advantages import BanditBaseline
from .batch import Batch
from .protocols import ActionPolicy, BanditTask
from .rollout import AbstractRollout
from .sampling import sample_actions

Contexts = int | Literal["all"]


def draw_contexts(task: BanditTask, contexts: Contexts, key: PRNGKeyArray) -> Any:
    """That many contexts at random, or each of them once."""
    return task.all_contexts() if contexts == "all" else task.sample(key, contexts)


def expected_error(task: BanditTask, contexts: Any, logp: Float[Array, "b a"]) -> Float[Array, ""]:
    """One minus the expected reward of a policy, averaged over contexts."""
    return jnp.mean(jnp.sum(jnp.exp(logp) * (1 - task.all_rewards(contexts)), axis=-1))


class AbstractSampling(AbstractRollout):
    """`samples` actions in each of `contexts` contexts.

    `Batch.error` is the expected error of the behaviour policy on the batch's contexts, not that of the few
    sampled actions: the probabilities are known, so there is no need for their noise.
    """

    task: eqx.AbstractVar[BanditTask]
    contexts: eqx.AbstractVar[Contexts]
    samples: eqx.AbstractVar[int]
    baseline: eqx.AbstractVar[BanditBaseline]

    @abc.abstractmethod
    def select(self, logp: Float[Array, "b a"], actions: Int[Array, "b n"]) -> Float[Array, "b *k"]:
        """What the objective sees of the values `[b a]` of all actions when `actions` were sampled."""

    @abc.abstractmethod
    def scores(
        self, advantages: Float[Array, "b n"], actions: Int[Array, "b n"], probs: Float[Array, "b a"]
    ) -> Float[Array, "b *k"]:
        """The scores of what `select` gives."""

    def draw(self, policy: ActionPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Sample actions and score them."""
        context_key, action_key = jax.random.split(key)
        contexts = draw_contexts(self.task, self.contexts, context_key)
        logp = policy.log_policy(contexts.inputs)
        actions, probs = sample_actions(action_key, logp, self.samples), jnp.exp(logp)
        advantages = self.baseline(self.task.reward(contexts, actions), probs)
        batch = Batch(
            inputs=(contexts.inputs, actions),
            old_logp=self.select(logp, actions),
            scores=self.scores(advantages, actions, probs),
            rewards=self.select(self.task.all_rewards(contexts), actions),
            error=expected_error(self.task, contexts, logp),
        )
        return batch, state

    def log_probs(self, policy: ActionPolicy, batch: Batch) -> Float[Array, "b *k"]:
        """The log-probs of the same selection under another policy."""
        inputs, actions = batch.inputs
        return self.select(policy.log_policy(inputs), actions)


class SampledActions(AbstractSampling):
    """Every sampled action is a sample of its own `[b n 1]`, its score the reward after the baseline.

    The last axis is the one that `reduce` sums, so that contexts and samples are averaged over.
    """

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)
    samples: int = eqx.field(static=True)
    baseline: BanditBaseline = eqx.field(static=True)

    def select(self, logp: Float[Array, "b a"], actions: Int[Array, "b n"]) -> Float[Array, "b n 1"]:
        """The values of the sampled actions."""
        one_hot = jax.nn.one_hot(actions, logp.shape[-1])
        return jnp.sum(logp[:, None] * one_hot, axis=-1, keepdims=True)

    def scores(
        self, advantages: Float[Array, "b n"], actions: Int[Array, "b n"], probs: Float[Array, "b a"]
    ) -> Float[Array, "b n 1"]:
        """The advantages of the sampled actions."""
        del actions, probs
        return advantages[..., None]


class AllActions(AbstractSampling):
    """All actions of a context form a group `[b a]`, scored by the `samples` of them that were tried.

    The score vector of a context is the mean over its samples of `A e_a`: 0 for actions that were not tried.
    """

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)
    samples: int = eqx.field(static=True)
    baseline: BanditBaseline = eqx.field(static=True)

    def select(self, logp: Float[Array, "b a"], actions: Int[Array, "b n"]) -> Float[Array, "b a"]:
        """The values of all actions."""
        del actions
        return logp

    def scores(
        self, advantages: Float[Array, "b n"], actions: Int[Array, "b n"], probs: Float[Array, "b a"]
    ) -> Float[Array, "b a"]:
        """The mean of the sampled actions' advantages, each at its action."""
        one_hot = jax.nn.one_hot(actions, probs.shape[-1])
        return jnp.mean(advantages[..., None] * one_hot, axis=1)


class ExactGroup(AbstractRollout):
    """All actions of a context form a group `[b a]`, scored by their true rewards: no action is sampled."""

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)

    def draw(self, policy: ActionPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw contexts and look up the rewards of all actions."""
        contexts = draw_contexts(self.task, self.contexts, key)
        logp, rewards = policy.log_policy(contexts.inputs), self.task.all_rewards(contexts)
        error = expected_error(self.task, contexts, logp)
        return Batch(contexts.inputs, logp, rewards, rewards, error), state

    def log_probs(self, policy: ActionPolicy, batch: Batch) -> Float[Array, "b a"]:
        """The log-probs of all actions."""
        return policy.log_policy(batch.inputs)


class ExactSamples(AbstractRollout):
    """Every action of a context is a sample `[b a]` that counts as often as the policy would draw it.

    The weights are the behaviour policy's probabilities, so that the loss and its gradient are the
    expectations of those of `SampledActions`.
    """

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)
    baseline: BanditBaseline = eqx.field(static=True)

    def draw(self, policy: ActionPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw contexts and enumerate their actions."""
        contexts = draw_contexts(self.task, self.contexts, key)
        logp, rewards = policy.log_policy(contexts.inputs), self.task.all_rewards(contexts)
        probs = jnp.exp(logp)
        error = expected_error(self.task, contexts, logp)
        scores = self.baseline(rewards, probs)
        return Batch(contexts.inputs, logp, scores, rewards, error, weights=probs), state

    def log_probs(self, policy: ActionPolicy, batch: Batch) -> Float[Array, "b a"]:
        """The log-probs of all actions."""
        return policy.log_policy(batch.inputs)
