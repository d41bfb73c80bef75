"""Advantages in bandits, where the probabilities of all actions are known.

Every function takes the rewards `[b, n]` of `n` actions in each of `b` contexts and the probabilities
`[b, a]` of all actions under the policy, and returns one advantage per reward.
"""

import functools
from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float

BanditBaseline: TypeAlias = Callable[[Float[Array, "b n"], Float[Array, "b a"]], Float[Array, "b n"]]

EPSILON = 1e-8


def none(rewards: Float[Array, "b n"], probs: Float[Array, "b a"]) -> Float[Array, "b n"]:
    """The rewards themselves."""
    del probs
    return rewards


def constant(
    rewards: Float[Array, "b n"], probs: Float[Array, "b a"], *, value: float
) -> Float[Array, "b n"]:
    """Rewards minus a constant `value`, such as 0.5 in arXiv 2604.06159, figure 2."""
    del probs
    return rewards - value


def batch_mean(rewards: Float[Array, "b n"], probs: Float[Array, "b a"]) -> Float[Array, "b n"]:
    """Rewards minus their mean over the whole batch."""
    del probs
    return rewards - jnp.mean(rewards)


def batch_zscore(rewards: Float[Array, "b n"], probs: Float[Array, "b a"]) -> Float[Array, "b n"]:
    """Rewards standardized over the whole batch: `(r - mean r) / sqrt(var r + 1e-8)`.

    With REINFORCE, this is GRPO in the bandits of arXiv 2604.06159, where the batch is the group.
    """
    del probs
    return (rewards - jnp.mean(rewards)) / jnp.sqrt(jnp.var(rewards) + EPSILON)


def expected(rewards: Float[Array, "b n"], probs: Float[Array, "b a"]) -> Float[Array, "b n"]:
    """Rewards minus `sum_a pi(a)^2`, the expected reward if the label were also drawn from the policy.

    The baseline does not depend on the label. Source: arXiv 2604.06159, section 3, the MNIST bandit.
    """
    return rewards - jnp.sum(probs**2, axis=-1, keepdims=True)


def standardized_one_hot(rewards: Float[Array, "b n"], probs: Float[Array, "b a"]) -> Float[Array, "b n"]:
    """The entry of TPO's standardized score vector at the sampled action.

    One action `a` with advantage `A = r - sum pi^2` gives the score vector `A e_a` over the `k` actions.
    Standardized, its entry at `a` is `sign(A) sqrt(k - 1)`: 3 for a success among ten actions, -3 for a
    failure. With REINFORCE, this is Group PG in arXiv 2604.06159, figure 4.
    """
    return jnp.sign(expected(rewards, probs)) * jnp.sqrt(jnp.float32(probs.shape[-1] - 1))


def expected_zscore(rewards: Float[Array, "b a"], probs: Float[Array, "b a"]) -> Float[Array, "b a"]:
    """The rewards of all actions, standardized under the policy: `(r - E r) / sqrt(Var r + 1e-8)`.

    With REINFORCE, this is GRPO in the limit of large groups: arXiv 2604.06159, figure 3.
    """
    mean = jnp.sum(probs * rewards, axis=-1, keepdims=True)
    variance = jnp.sum(probs * (rewards - mean) ** 2, axis=-1, keepdims=True)
    return (rewards - mean) / jnp.sqrt(variance + EPSILON)


BANDIT_BASELINES: dict[str, BanditBaseline] = {
    "none": none,
    "batch_mean": batch_mean,
    "batch_zscore": batch_zscore,
    "expected": expected,
    "standardized_one_hot": standardized_one_hot,
    "expected_zscore": expected_zscore,
}


def bandit_baseline(setting: str | float) -> BanditBaseline:
    """The baseline with this name, or the baseline that subtracts this number."""
    if isinstance(setting, str):
        return BANDIT_BASELINES[setting]
    return functools.partial(constant, value=setting)
