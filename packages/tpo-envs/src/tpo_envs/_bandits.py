"""Bandits: one-step tasks with a reward of 1 for the right action."""

from abc import abstractmethod
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, PRNGKeyArray

from ._arrays import is_integer, widen


class Contexts(NamedTuple):
    """A batch of contexts: the policy's inputs and the right actions.

    A pytree, so it passes through `jax.jit`, `jax.vmap` and `jax.lax.scan`.

    Attributes:
        inputs: the policy's inputs: indices `[b]` into a table of contexts, or pixels `[b, d]` in [0, 1].
        labels: the right action of each context `[b]`, from 0 to `num_actions - 1`. Hidden from the policy.
    """

    inputs: Integer[Array, " b"] | Float[Array, "b d"]
    labels: Integer[Array, " b"]


class AbstractBandit(eqx.Module):
    """A contextual bandit with one right action in each context: see a context, act, get a reward.

    `r(x, a) = 1{a = label(x)}`.

    Every method is pure and can be jitted and vmapped. Pass the bandit to a jitted function as an argument:
    if the function closes over it, JAX copies its data set into the compiled program.

    To write your own bandit, define `num_actions`, `sample` and `all_contexts`. The rewards follow from
    these.
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
        """Return every context once, in a fixed order, for exact population updates and for evaluation."""

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
            actions: `[b, ...]`, any number of actions for each context. An action outside
                `0 .. num_actions - 1` is never right.

        Returns:
            Rewards 0 or 1, in the shape of `actions`.

        Raises:
            TypeError: if actions are not integers.

        Example:
            >>> import jax.numpy as jnp
            >>> from tpo_envs import ContextTable
            >>> task = ContextTable(num_contexts=3, num_actions=4, correct=[0, 1, 2])
            >>> task.reward(task.all_contexts(), jnp.array([[0, 1], [0, 1], [0, 1]])).tolist()
            [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        """
        if not is_integer(actions.dtype):
            raise TypeError(f"actions must be integers; got dtype {actions.dtype}")
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
