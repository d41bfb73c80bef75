"""Probes for bandits whose policy is a table of logits."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Scalar

from .bandits import expected_error
from .observation import Observation
from .protocols import BanditTask


def misalignment(seen: Observation) -> Scalar:
    """1 minus the cosine between a table policy's update and the cross-entropy direction, in [0, 2].

    The update is minus the first gradient in the logits. The cross-entropy direction is `e_y - pi` in each of
    all contexts. With a single context, it is also the direction `pi_y (e_y - pi)` of the exact policy
    gradient. If the update is zero, the result is 1. Source: arXiv 2604.06159, figures 2 and 3.
    """
    task = _bandit(seen)
    contexts = task.all_contexts()
    wanted = task.all_rewards(contexts) - jnp.exp(seen.before.log_policy(contexts.inputs))
    update = -seen.first_gradient.logits
    size = jnp.linalg.norm(update)
    # 1 - cos is half the squared distance of the unit vectors, which keeps its digits for small angles.
    apart = update / jnp.where(size > 0, size, 1.0) - wanted / jnp.linalg.norm(wanted)
    return jnp.where(size > 0, 0.5 * jnp.sum(apart**2), 1.0)


def error_after(seen: Observation) -> Scalar:
    """The expected error over all contexts after the step, in [0, 1]. Source: arXiv 2604.06159, figure 3."""
    task = _bandit(seen)
    contexts = task.all_contexts()
    return expected_error(task, contexts, seen.after.log_policy(contexts.inputs))


def _bandit(seen: Observation) -> BanditTask:
    rollout: Any = seen.rollout
    return rollout.task
