"""Probes of what an objective asks for: the weights of its samples, and its target distribution."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Scalar

from .batch import Batch
from .group_probes import succeeded
from .observation import Observation


def success_weight(seen: Observation) -> Scalar:
    """The mean weight of the samples of reward 1 at the first epoch; NaN if there are none.

    The weight of a sample is its probability `q` under the objective's target, as for TPO. For an objective
    without a target, it is the size of the loss's gradient in the sample's log-prob, `|dL / dlogp|`: `|A|`
    for GRPO, PPO and REINFORCE, `|g A|` for DG with its gate `g`, and `|u| / eta` for Group PG. The samples
    of single answers are their tokens.

    Source: arXiv 2604.06159, figures 10, 11 and 14.
    """
    return _mean_over(succeeded(seen.batch), _weights(seen))


def failure_weight(seen: Observation) -> Scalar:
    """The mean weight of the samples of a reward below 1 at the first epoch; NaN if there are none.

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

    The policy is normalized over the candidates of each group, as in the objective. The probe needs one more
    forward pass. Raises `ValueError` if the objective has no target.
    """
    logp = seen.rollout.log_probs(seen.after, seen.batch)
    if seen.fitted is None:
        p = jax.nn.softmax(over_tokens(seen.batch, logp), axis=-1, where=seen.batch.exists)
    else:
        p = seen.fitted(logp, seen.batch.old_logp, seen.batch.scores, **seen.batch.mask)
    return seen.batch.mean(jnp.sum(jnp.abs(p - target_of(seen)), axis=-1))


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
    loss = lambda logp: jnp.sum(seen.batch.losses(seen.objective, logp))  # noqa: E731
    return jnp.abs(over_tokens(seen.batch, jax.grad(loss)(seen.batch.old_logp)))


def over_tokens(batch: Batch, values: Float[Array, "..."]) -> Float[Array, "*b"]:
    """The sum over the tokens of each answer, if these have values of their own."""
    if values.ndim == batch.scores.ndim:
        return values
    return jnp.sum(values if batch.where is None else jnp.where(batch.where, values, 0.0), axis=-1)


def _mean_over(chosen: Bool[Array, "*b"], values: Float[Array, "*b"]) -> Scalar:
    return jnp.sum(jnp.where(chosen, values, 0.0)) / jnp.sum(chosen)
