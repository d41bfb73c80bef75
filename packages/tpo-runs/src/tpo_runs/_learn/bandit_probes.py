"""Probes of bandits whose policy is a table of logits."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Scalar

from .bandits import expected_error
from .observation import Observation
from .protocols import BanditTask


def misalignment(seen: Observation) -> Scalar:
    """`1 - cos` between a table policy's update and the cross-entropy direction over all contexts.

    The update is minus the first gradient in the logits, the direction `e_y - pi` in each context. With a
    single context this is also the direction `pi_y (e_y - pi)` of the exact policy gradient. 1 where there is
    no update at all. Source: arXiv 2604.06159, figures 2 and 3.
    """
    task = _bandit(seen)
    contexts = task.all_contexts()
    wanted = task.all_rewards(contexts) - jnp.exp(seen.before.log_policy(contexts.inputs))
    update = -seen.first_gradient.logits
    size = jnp.linalg.norm(update)
    # Half the squared distance of the unit vectors: 1 - cos loses its digits where the two agree.
    apart = update / jnp.where(size > 0, size, 1.0) - wanted / jnp.linalg.norm(wanted)
    return jnp.where(size > 0, 0.5 * jnp.sum(apart**2), 1.0)


def error_after(seen: Observation) -> Scalar:
    """The expected error over all contexts after the step. Source: arXiv 2604.06159, figure 3."""
    task = _bandit(seen)
    contexts = task.all_contexts()
    return expected_error(task, contexts, seen.after.log_policy(contexts.inputs))


def _bandit(seen: Observation) -> BanditTask:
    rollout: Any = seen.rollout
    return rollout.task
