"""Rollouts of bandits: sampled actions, and enumerated actions."""

import abc
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .advantages import BanditBaseline, bandit_baseline
from .batch import Batch
from .protocols import ActionPolicy, BanditTask
from .rollout import AbstractRollout
from .sampling import sample_actions

Contexts = int | Literal["all"]


def draw_contexts(task: BanditTask, contexts: Contexts, key: PRNGKeyArray) -> Any:
    """This number of random contexts, or each context once."""
    return task.all_contexts() if contexts == "all" else task.sample(key, contexts)


def expected_error(task: BanditTask, contexts: Any, logp: Float[Array, "b a"]) -> Float[Array, ""]:
    """One minus the expected reward of a policy, averaged over the contexts."""
    return jnp.mean(jnp.sum(jnp.exp(logp) * (1 - task.all_rewards(contexts)), axis=-1))


class AbstractSampling(AbstractRollout):
    """Samples `samples` actions in each of `contexts` contexts.

    `Batch.error` is the expected error of the policy on the batch's contexts. It is exact, because the
    probabilities of all actions are known.
    """

    task: eqx.AbstractVar[BanditTask]
    contexts: eqx.AbstractVar[Contexts]
    samples: eqx.AbstractVar[int]
    baseline: eqx.AbstractVar[BanditBaseline]

    @abc.abstractmethod
    def select(self, logp: Float[Array, "b a"], actions: Int[Array, "b n"]) -> Float[Array, "b *k"]:
        """Select the entries for the objective from the values `[b, a]` of all actions."""

    @abc.abstractmethod
    def scores(
        self, advantages: Float[Array, "b n"], actions: Int[Array, "b n"], probs: Float[Array, "b a"]
    ) -> Float[Array, "b *k"]:
        """The scores of the entries that `select` returns."""

    def draw(self, policy: ActionPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw contexts, sample actions and score them."""
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
        """The log-probs of the same entries."""
        inputs, actions = batch.inputs
        return self.select(policy.log_policy(inputs), actions)


@jax.custom_jvp
def _times(logp: Float[Array, "b 1 a"], one_hot: Float[Array, "b n a"]) -> Float[Array, "b n a"]:
    """The product, and 0 where an action is impossible (log-prob minus infinity) and not chosen."""
    return jnp.where((one_hot == 0) & jnp.isneginf(logp), 0.0, logp) * one_hot


@_times.defjvp
def _times_jvp(primals, tangents):
    # Keep the plain product: a selection would change the last bits of stored results through the gradient.
    return _times(*primals), tangents[0] * primals[1]


def _chosen(logp: Float[Array, "b a"], actions: Int[Array, "b n"]) -> Float[Array, "b n"]:
    return jnp.sum(_times(logp[:, None], jax.nn.one_hot(actions, logp.shape[-1])), axis=-1)


class SampledActions(AbstractSampling):
    """Every sampled action is a separate sample, `[b, n, 1]`. Its score is its advantage.

    The loss is the mean over contexts and samples, since `reduce` sums over the last axis, of length 1.
    """

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)
    samples: int = eqx.field(static=True)
    baseline: BanditBaseline = eqx.field(static=True)

    def select(self, logp: Float[Array, "b a"], actions: Int[Array, "b n"]) -> Float[Array, "b n 1"]:
        """The values of the sampled actions."""
        return _chosen(logp, actions)[..., None]

    def scores(
        self, advantages: Float[Array, "b n"], actions: Int[Array, "b n"], probs: Float[Array, "b a"]
    ) -> Float[Array, "b n 1"]:
        """The advantages of the sampled actions."""
        del actions, probs
        return advantages[..., None]


class ActionGroup(AbstractSampling):
    """The sampled actions of a context form a group, `[b, n]`, scored by their rewards.

    This is `AnswerGroup` for bandits: an action that is sampled twice is in the group twice.
    """

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)
    samples: int = eqx.field(static=True)
    baseline: BanditBaseline = eqx.field(static=True, default=bandit_baseline("none"))

    def select(self, logp: Float[Array, "b a"], actions: Int[Array, "b n"]) -> Float[Array, "b n"]:
        """The values of the sampled actions."""
        return _chosen(logp, actions)

    def scores(
        self, advantages: Float[Array, "b n"], actions: Int[Array, "b n"], probs: Float[Array, "b a"]
    ) -> Float[Array, "b n"]:
        """The rewards of the sampled actions."""
        del actions, probs
        return advantages


class AllActions(AbstractSampling):
    """All actions of a context form a group, `[b, a]`. Only the sampled actions have scores.

    The score vector of a context is the mean of `A e_a` over its samples. Actions that were not sampled have
    the score 0.
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
        """The mean of the one-hot vectors of the sampled actions, times their advantages."""
        one_hot = jax.nn.one_hot(actions, probs.shape[-1])
        return jnp.mean(advantages[..., None] * one_hot, axis=1)


class ExactGroup(AbstractRollout):
    """All actions of a context form a group, `[b, a]`, scored by their rewards. No action is sampled."""

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)

    def draw(self, policy: ActionPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw contexts and score all actions."""
        contexts = draw_contexts(self.task, self.contexts, key)
        logp, rewards = policy.log_policy(contexts.inputs), self.task.all_rewards(contexts)
        error = expected_error(self.task, contexts, logp)
        return Batch(contexts.inputs, logp, rewards, rewards, error), state

    def log_probs(self, policy: ActionPolicy, batch: Batch) -> Float[Array, "b a"]:
        """The log-probs of all actions."""
        return policy.log_policy(batch.inputs)


class ExactSamples(AbstractRollout):
    """Every action of a context is a sample, `[b, a]`, weighted by its probability under the policy.

    The loss and its gradient are the expectations of those of `SampledActions`.
    """

    task: BanditTask
    contexts: Contexts = eqx.field(static=True)
    baseline: BanditBaseline = eqx.field(static=True)

    def draw(self, policy: ActionPolicy, state: None, key: PRNGKeyArray) -> tuple[Batch, None]:
        """Draw contexts, enumerate their actions and score them."""
        contexts = draw_contexts(self.task, self.contexts, key)
        logp, rewards = policy.log_policy(contexts.inputs), self.task.all_rewards(contexts)
        probs = jnp.exp(logp)
        error = expected_error(self.task, contexts, logp)
        scores = self.baseline(rewards, probs)
        return Batch(contexts.inputs, logp, scores, rewards, error, weights=probs), state

    def log_probs(self, policy: ActionPolicy, batch: Batch) -> Float[Array, "b a"]:
        """The log-probs of all actions."""
        return policy.log_policy(batch.inputs)
