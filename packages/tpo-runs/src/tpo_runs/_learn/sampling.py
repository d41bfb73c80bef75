"""Sampling actions from their log-probs, and scoring sampled answers."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from .layout import over_prompts


def answer_log_probs(policy: Any, prompts: Any, answers: Int[Array, "b k h"]) -> Float[Array, "b k h"]:
    """The log-prob of each token of given answers. Each device of a seed scores those to its prompts."""
    return over_prompts(lambda policy, *of_device: policy.log_probs(*of_device))(policy, prompts, answers)


def sample_actions(key: PRNGKeyArray, logp: Float[Array, "b a"], samples: int) -> Int[Array, "b {samples}"]:
    """Independent actions in each context.

    Inverse transform sampling needs one uniform number per sample, whereas Gumbel noise needs one per action.
    The uniform number is scaled by the last cumulative sum instead of 1, so that rounding cannot select an
    action beyond the last.
    """
    below = jnp.cumsum(jnp.exp(logp), axis=-1)
    level = jax.random.uniform(key, (logp.shape[0], samples)) * below[:, -1:]
    return jnp.sum(below[:, None] <= level[..., None], axis=-1, dtype=jnp.int32)
