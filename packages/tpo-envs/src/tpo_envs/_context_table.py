"""A bandit whose contexts are the rows of a table."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jaxtyping import Array, Float, Int, Integer, PRNGKeyArray

from ._arrays import is_integer
from ._bandits import AbstractBandit, Contexts
from ._numpy_checks import check_count


class ContextTable(AbstractBandit):
    """A tabular bandit: `num_contexts` contexts, `num_actions` arms, one right arm in each context.

    The policy reads the index of the context, so a table of logits is a complete policy. With the default
    sizes this is the multi-context bandit of arXiv 2604.06159, figure 3; `symmetric_bandit` is the single
    context of figure 2.

    `r(x, a) = 1 if a is the right arm of x, else 1 - gap`.

    Attributes:
        num_contexts: the number of contexts.
        num_actions: the number of arms.
        correct: the right arm of each context `[num_contexts]`.
        gap: reward of the right arm minus that of a wrong one, in (0, 1].

    Example:
        >>> import jax
        >>> from tpo_envs import ContextTable
        >>> task = ContextTable(num_contexts=100, num_actions=10)
        >>> contexts = task.sample(jax.random.key(0), 5)
        >>> contexts.inputs.shape, contexts.labels.tolist()
        ((5,), [0, 0, 0, 0, 0])
        >>> task.random_score, task.optimal_score
        (0.1, 1.0)
    """

    correct: Int[Array, " c"]
    num_contexts: int = eqx.field(static=True)
    num_actions: int = eqx.field(static=True)
    gap: float = eqx.field(static=True)

    def __init__(
        self,
        num_contexts: int = 100,
        num_actions: int = 10,
        *,
        correct: int | Sequence[int] | Integer[np.ndarray, " c"] | Integer[Array, " c"] = 0,
        gap: float = 1.0,
    ):
        """Build the table, outside of `jax.jit`.

        Args:
            num_contexts: the number of contexts, at least 1.
            num_actions: the number of arms, at least 1.
            correct: the right arm, from 0 to `num_actions - 1`: one for all contexts, or one for each.
            gap: reward of the right arm minus that of a wrong one, in (0, 1].

        Raises:
            ValueError: if a size is below 1, or `correct` or `gap` has the wrong shape or range.
            TypeError: if a size or `correct` is not an integer.
        """
        check_count("num_contexts", num_contexts, None)
        check_count("num_actions", num_actions, None)
        if num_contexts < 1 or num_actions < 1:
            raise ValueError(
                f"num_contexts and num_actions must be at least 1; got {num_contexts} and {num_actions}."
            )
        arms = np.asarray(correct)
        if not is_integer(arms.dtype):
            raise TypeError(f"correct must be an integer or integers; got {arms.dtype}.")
        if arms.shape not in ((), (num_contexts,)):
            raise ValueError(
                f"correct must be one integer, or {num_contexts} of them (one for each context); "
                f"got shape {arms.shape}."
            )
        if arms.min() < 0 or arms.max() >= num_actions:
            raise ValueError(
                f"correct must be from 0 to num_actions - 1 = {num_actions - 1}; "
                f"got values from {arms.min()} to {arms.max()}."
            )
        if not 0 < gap <= 1:
            raise ValueError(f"gap must be above 0 and at most 1; got {gap}.")
        self.num_contexts = num_contexts
        self.num_actions = num_actions
        self.gap = gap
        self.correct = jnp.asarray(np.broadcast_to(arms, (num_contexts,)), jnp.int32)

    def sample(self, key: PRNGKeyArray, batch: int) -> Contexts:
        """Draw `batch` contexts, uniformly and with replacement: `inputs` are indices `[batch]`.

        Args:
            key: a JAX random key.
            batch: how many contexts to draw, at least 1. A static number under `jax.jit`.

        Returns:
            `Contexts` with `inputs` and `labels` of shape `[batch]`.
        """
        index = jr.randint(key, (batch,), 0, self.num_contexts, jnp.int32)
        return Contexts(index, self.correct[index])

    def all_contexts(self) -> Contexts:
        """Return every context once, in the order of the table.

        Returns:
            `Contexts` with `inputs` and `labels` of shape `[num_contexts]`.
        """
        return Contexts(jnp.arange(self.num_contexts, dtype=jnp.int32), self.correct)

    @property
    def random_score(self) -> float:
        """The expected reward of the uniform policy, `(1 + (A - 1) (1 - gap)) / A`."""
        return (1 + (self.num_actions - 1) * (1 - self.gap)) / self.num_actions

    def reward(self, contexts: Contexts, actions: Integer[Array, "b *n"]) -> Float[Array, "b *n"]:
        """Score actions: 1 for the right one, `1 - gap` for another, as in `AbstractBandit.reward`."""
        return 1 - self.gap * (1 - super().reward(contexts, actions))

    def all_rewards(self, contexts: Contexts) -> Float[Array, "b a"]:
        """Score every action of every context `[b, num_actions]`."""
        return 1 - self.gap * (1 - super().all_rewards(contexts))


def symmetric_bandit(num_actions: int = 100, *, correct: int = 0) -> ContextTable:
    """Return the bandit with a single context: `num_actions` arms, of which one is right.

    All wrong arms are interchangeable, hence the name. The default is the task of arXiv 2604.06159, figure 2.

    Args:
        num_actions: the number of arms, at least 1.
        correct: the right arm, from 0 to `num_actions - 1`.

    Returns:
        A `ContextTable` with one context, whose index is 0.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> from tpo_envs import symmetric_bandit
        >>> symmetric_bandit(4).all_rewards(symmetric_bandit(4).all_contexts()).tolist()
        [[1.0, 0.0, 0.0, 0.0]]
    """
    return ContextTable(1, num_actions, correct=correct)
