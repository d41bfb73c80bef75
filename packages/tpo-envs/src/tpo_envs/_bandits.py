"""Bandits: tasks of one step, where the answer is one action and the reward is 1 if it is the right one."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, PRNGKeyArray

from ._arrays import is_integer, widen


class Contexts(NamedTuple):
    """A batch of contexts drawn from a bandit: what the policy reads and which action is right.

    A pytree, so it passes through `jax.jit`, `jax.vmap` and `jax.lax.scan`.

    Attributes:
        inputs: what the policy reads. An index `[b]` into a table of contexts, or pixels `[b, d]` in [0, 1].
        labels: the rewarded action of each context `[b]`, from 0 to `num_actions - 1`. Not for the policy.
    """

    inputs: Integer[Array, " b"] | Float[Array, "b d"]
    labels: Integer[Array, " b"]


class AbstractBandit(eqx.Module):
    """A contextual bandit with one right action in each context: see a context, act, read the reward.

    `r(x, a) = 1{a = label(x)}`.

    Every method is pure and can be jitted and vmapped. Pass the bandit to a jitted function as an argument: a
    bandit that the function closes over is copied into the compiled program, data set and all.

    A bandit of your own defines `num_actions`, `sample` and `all_contexts`; the rewards follow.
    """

    num_actions: eqx.AbstractVar[int]

    @abstractmethod
    def sample(self, key: PRNGKeyArray, batch: int) -> Contexts:
        """Draw `batch` contexts, uniformly and with replacement.

        Args:
            key: a JAX random key.
            batch: how many contexts to draw, at least 1. A static number under `jax.jit`.

        Returns:
            `Contexts` with a leading axis of length `batch`.
        """

    @abstractmethod
    def all_contexts(self) -> Contexts:
        """Return every context once, in a fixed order: for exact population updates and for evaluation."""

    @property
    def random_score(self) -> float:
        """The expected reward of the uniform policy, `1 / num_actions`."""
        return 1.0 / self.num_actions

    @property
    def optimal_score(self) -> float:
        """The expected reward of the best policy, 1."""
        return 1.0

    def reward(self, contexts: Contexts, actions: Integer[Array, "b *n"]) -> Float[Array, "b *n"]:
        """Score actions: `r = 1{a = label}`.

        Args:
            contexts: `b` contexts, from `sample` or `all_contexts`.
            actions: `[b, ...]`, any number of actions for each context. A number outside of
                `0 .. num_actions - 1` is never right.

        Returns:
            Rewards 0 or 1, in the shape of `actions`.

        Raises:
            TypeError: for actions that are no integers.

        Example:
            >>> import jax.numpy as jnp
            >>> from tpo_envs import ContextTable
            >>> task = ContextTable(num_contexts=3, num_actions=4, correct=[0, 1, 2])
            >>> task.reward(task.all_contexts(), jnp.array([[0, 1], [0, 1], [0, 1]])).tolist()
            [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        """
        if not is_integer(actions.dtype):
            raise TypeError(f"actions must be integers, the numbers of actions; got dtype {actions.dtype}")
        labels = widen(contexts.labels).reshape(contexts.labels.shape + (1,) * (actions.ndim - 1))
        return (widen(actions) == labels).astype(jnp.result_type(float))

    def all_rewards(self, contexts: Contexts) -> Float[Array, "b a"]:
        """Score every action of every context, for exact expectations: `r[i, a] = 1{a = label_i}`.

        Args:
            contexts: `b` contexts, from `sample` or `all_contexts`.

        Returns:
            Rewards 0 or 1 `[b, num_actions]`; each row has a single 1.

        Example:
            >>> from tpo_envs import ContextTable
            >>> task = ContextTable(num_contexts=2, num_actions=3, correct=[0, 2])
            >>> task.all_rewards(task.all_contexts()).tolist()
            [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
        """
        return jax.nn.one_hot(widen(contexts.labels), self.num_actions)
