"""Probes of what an objective asks for: the weights of its candidates, and TPO's target."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Scalar

from tpo_objectives import tpo, tpo_target

from .group_probes import succeeded
from .observation import Observation


def success_weight(seen: Observation) -> Scalar:
    """The mean weight on samples of reward 1 at the first epoch; NaN where there are none.

    The weight is TPO's target probability `q`, and for other objectives how strongly the loss pulls at the
    sample's log-prob, `|dL / dlogp|`. That is `|A|` for GRPO, PPO and REINFORCE, `|g A|` for DG with its gate
    `g`, and `|u| / eta` for Group PG. The samples of single answers are their tokens.

    Source: arXiv 2604.06159, figures 10, 11 and 14.
    """
    return _mean_where(_weights(seen), succeeded(seen.batch))


def failure_weight(seen: Observation) -> Scalar:
    """The mean weight on samples of a reward below 1 at the first epoch; NaN where there are none.

    Weights as in `success_weight`.
    """
    return _mean_where(_weights(seen), ~succeeded(seen.batch))


def target_entropy(seen: Observation) -> Scalar:
    """The mean entropy of TPO's target over groups, in nats, from 0 to the log of the group's size."""
    return jnp.mean(jnp.sum(jax.scipy.special.entr(_target(seen)), axis=-1))


def target_gap(seen: Observation) -> Scalar:
    """The mean L1 distance, in [0, 2], between TPO's target and the policy after the last epoch.

    The policy is normalised over the candidates of each group. Costs one more pass over the batch.
    """
    p = jax.nn.softmax(seen.rollout.log_probs(seen.after, seen.batch), axis=-1)
    return jnp.mean(jnp.sum(jnp.abs(p - _target(seen)), axis=-1))


def _target(seen: Observation) -> Float[Array, "*b k"]:
    keywords = getattr(seen.objective, "keywords", {})
    return tpo_target(seen.batch.old_logp, seen.batch.scores, **keywords)


def _weights(seen: Observation) -> Float[Array, "*b"]:
    batch, objective = seen.batch, seen.objective
    # The objective is a loss function, or a functools.partial that holds its keywords.
    if getattr(objective, "func", objective) is tpo:
        return _target(seen)

    def total(logp: Any) -> Scalar:
        return jnp.sum(objective(logp, batch.old_logp, batch.scores))

    return jnp.abs(jax.grad(total)(batch.old_logp))


def _mean_where(values: Float[Array, "*b"], chosen: Bool[Array, "*b"]) -> Scalar:
    return jnp.sum(jnp.where(chosen, values, 0.0)) / jnp.sum(chosen)
