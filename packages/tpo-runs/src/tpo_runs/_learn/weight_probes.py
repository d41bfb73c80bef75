"""Probes of an objective's sample weights and of its target distribution."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Scalar

from .batch import Batch
from .group_probes import succeeded
from .observation import Observation


def success_weight(seen: Observation) -> Scalar:
    """The mean weight of the samples with reward 1 in the first epoch; NaN if there are none.

    The weight of a sample is its probability `q` under the objective's target, as for TPO. For an objective
    without a target, it is the size of the loss's gradient in the sample's log-prob, `|dL / dlogp|`: `|A|`
    for GRPO, PPO and REINFORCE, `|g A|` for DG with its gate `g`, and `|u| / eta` for Group PG. The samples
    of single answers are their tokens.

    Source: arXiv 2604.06159, figures 10, 11 and 14.
    """
    return _mean_over(succeeded(seen.batch), _weights(seen))


def failure_weight(seen: Observation) -> Scalar:
    """The mean weight of the samples with a reward below 1 in the first epoch; NaN if there are none.

    Weights are those of `success_weight`.
    """
    failed, where = ~succeeded(seen.batch), seen.batch.exists
    return _mean_over(failed if where is None else failed & where, _weights(seen))


def target_entropy(seen: Observation) -> Scalar:
    """The mean entropy of the target over groups, in nats, from 0 to the log of the group's size.

    Raises `ValueError` if the objective has no target.
    """
    return seen.batch.mean(jnp.sum(jax.scipy.special.entr(target_of(seen)), axis=-1))


def target_gap(seen: Observation) -> Scalar:
    """The mean L1 distance between the target and the policy after the last epoch, in [0, 2].

    The policy is normalized over the candidates of each group, as in the objective. The probe takes one more
    forward pass. Raises `ValueError` if the objective has no target.
    """
    p = group_policy(seen, seen.rollout.log_probs(seen.after, seen.batch))
    return seen.batch.mean(jnp.sum(jnp.abs(p - target_of(seen)), axis=-1))


def group_policy(seen: Observation, logp: Float[Array, "..."]) -> Float[Array, "*b k"]:
    """The distribution over each group that the objective fits; by default, the softmax of `logp`."""
    if seen.fitted is None:
        return jax.nn.softmax(over_tokens(seen.batch, logp), axis=-1, where=seen.batch.exists)
    return seen.fitted(logp, seen.batch.old_logp, seen.batch.scores, **seen.batch.mask)


def target_of(seen: Observation) -> Float[Array, "*b k"]:
    """The target distribution over each group.

    Raises `ValueError` if the objective has none.
    """
    if seen.target is None:
        raise ValueError("this probe needs the target of the objective, as in Trainer(target=tpo_target)")
    return seen.target(seen.batch.old_logp, seen.batch.scores, **seen.batch.mask)


def _weights(seen: Observation) -> Float[Array, "*b"]:
    if seen.target is not None:
        return target_of(seen)
    return jnp.abs(over_tokens(seen.batch, loss_gradient(seen, seen.batch.old_logp)))


def loss_gradient(seen: Observation, logp: Float[Array, "..."]) -> Float[Array, "..."]:
    """The gradient of the sum of the losses in each log-prob."""
    return jax.grad(lambda x: jnp.sum(seen.batch.losses(seen.objective, x)))(logp)


def over_tokens(batch: Batch, values: Float[Array, "..."]) -> Float[Array, "*b"]:
    """The sum over the tokens of each answer, if there are token values."""
    if values.ndim == batch.scores.ndim:
        return values
    return jnp.sum(values if batch.where is None else jnp.where(batch.where, values, 0.0), axis=-1)


def _mean_over(chosen: Bool[Array, "*b"], values: Float[Array, "*b"]) -> Scalar:
    return jnp.sum(jnp.where(chosen, values, 0.0)) / jnp.sum(chosen)
