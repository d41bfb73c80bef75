"""The product of weights and log-probs, where an action may be impossible."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_jvp
def weighted(weights: Float[Array, "*b"], logp: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """`weights * logp`, and 0 where a log-prob of minus infinity has no weight. The weights are constants."""
    ignored = (weights == 0) & jnp.isneginf(logp)
    return weights * jnp.where(ignored, 0.0, logp)


@weighted.defjvp
def _weighted_jvp(primals, tangents):
    weights, logp = primals
    return weighted(weights, logp), weights * tangents[1]
