"""Drawing from tables of probabilities."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray


def sample_actions(key: PRNGKeyArray, logp: Float[Array, "b a"], samples: int) -> Int[Array, "b {samples}"]:
    """Independent actions in each context.

    The inverse of the distribution function: one uniform number a sample, where Gumbel noise takes one for
    every action. Measured against the last sum and not 1, rounding leaves no room beyond the last action.
    """
    below = jnp.cumsum(jnp.exp(logp), axis=-1)
    level = jax.random.uniform(key, (logp.shape[0], samples)) * below[:, -1:]
    return jnp.sum(below[:, None] <= level[..., None], axis=-1, dtype=jnp.int32)
