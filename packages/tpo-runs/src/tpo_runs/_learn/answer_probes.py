"""Probes of groups of answers: their lengths, how they differ, and whether they can teach."""

import functools
import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Scalar

from tpo_objectives import kl

from .group_probes import distinct, succeeded
from .observation import Observation
from .weight_probes import group_policy, loss_gradient, over_tokens, target_of

# Below this L1 distance between target and policy, a group is inactive.
INACTIVE = 0.05


def answer_length(seen: Observation) -> Scalar:
    """The mean number of tokens of an answer, including its end token."""
    return jnp.mean(_lengths(seen))


def entropy(seen: Observation) -> Scalar:
    """The entropy of the sampling policy in nats per token, estimated from the sampled tokens."""
    return -jnp.sum(over_tokens(seen.batch, seen.batch.old_logp)) / jnp.sum(_lengths(seen))


def logp_spread(seen: Observation) -> Scalar:
    """The standard deviation of the log-probs in a group, in nats, averaged over groups."""
    return seen.batch.mean(jnp.std(over_tokens(seen.batch, seen.batch.old_logp), axis=-1))


def largest_probability(seen: Observation) -> Scalar:
    """The largest probability in a group before the first epoch, averaged over groups.

    For an objective with a target, this is the distribution that it fits, under its anchor; for others, the
    softmax of the log-probs of the answers.
    """
    return seen.batch.mean(jnp.max(_old_policy(seen), axis=-1))


def effective_candidates(seen: Observation) -> Scalar:
    """`1 / sum_k p_k^2` of the probabilities of `largest_probability`, from 1 to the group's size."""
    return seen.batch.mean(1 / jnp.sum(jnp.square(_old_policy(seen)), axis=-1))


def target_shift(seen: Observation) -> Scalar:
    """The mean L1 distance between the target and the policy before the first epoch, in [0, 2].

    Raises `ValueError` if the objective has no target.
    """
    return seen.batch.mean(_shift(seen))


def inactive_share(seen: Observation) -> Scalar:
    """The share of groups that teach almost nothing, in [0, 1].

    These are the groups whose target and policy before the first epoch differ by less than 0.05 in L1
    distance. For an objective without a target, `sum_k |dL / dlogp_k|` replaces the distance.
    """
    return seen.batch.mean(_shift(seen) < INACTIVE)


def clipped_share(seen: Observation) -> Scalar:
    """The share of candidates, or of their tokens, whose gradient is 0 in the last epoch.

    Counts only those with a gradient in the first epoch; NaN if there are none. The probe takes one more
    forward pass.
    """
    now = seen.rollout.log_probs(seen.after, seen.batch)
    before = loss_gradient(seen, seen.batch.old_logp) != 0
    after = loss_gradient(seen, now) != 0
    return jnp.sum(before & ~after) / jnp.sum(before)


def update_kl(seen: Observation) -> Scalar:
    """The KL divergence between the policies before and after a step, in nats per answer.

    This is the mean of `k3` over the sampled answers. The probe takes one more forward pass.
    """
    now, before = seen.rollout.log_probs(seen.after, seen.batch), seen.batch.old_logp
    divergence = kl.k3(over_tokens(seen.batch, before), over_tokens(seen.batch, now))
    exists = seen.batch.exists
    return jnp.mean(divergence) if exists is None else jnp.mean(divergence, where=exists)


def distinct_right(seen: Observation) -> Scalar:
    """The mean number of distinct candidates of reward 1 in a group, from 0 to its size."""
    return seen.batch.mean(distinct(seen.batch, succeeded(seen.batch)))


def pass_at(k: int, seen: Observation) -> Scalar:
    r"""The probability that one of `k` answers has the reward 1, estimated from groups of `n >= k` answers.

    $$1 - \binom{n - c}{k} / \binom{n}{k}$$ with `c` answers of reward 1; unbiased.

    Raises `ValueError` if a group has fewer than `k` candidates.
    """
    size = seen.batch.scores.shape[-1]
    if size < k:
        raise ValueError(f"pass_at_{k} needs groups of at least {k} candidates, and these have {size}")
    table = jnp.array([1 - math.comb(size - c, k) / math.comb(size, k) for c in range(size + 1)])
    return seen.batch.mean(table[jnp.sum(succeeded(seen.batch), axis=-1)])


PASS_AT: dict[str, Callable[[Observation], Scalar]] = {
    f"pass_at_{k}": functools.partial(pass_at, k) for k in (1, 2, 4, 8, 16, 32)
}


def _lengths(seen: Observation) -> Float[Array, "b k"]:
    prompts, *where, answers = seen.batch.inputs
    del prompts
    tokens = where[0] if where else jnp.ones(answers.shape, bool)
    return jnp.sum(tokens, axis=-1).astype(seen.batch.scores.dtype)


def _old_policy(seen: Observation) -> Float[Array, "*b k"]:
    return group_policy(seen, seen.batch.old_logp)


def _shift(seen: Observation) -> Float[Array, "*b"]:
    if seen.target is None:
        gradient = jnp.abs(loss_gradient(seen, seen.batch.old_logp))
        return jnp.sum(over_tokens(seen.batch, gradient), axis=-1)
    return jnp.sum(jnp.abs(target_of(seen) - _old_policy(seen)), axis=-1)
