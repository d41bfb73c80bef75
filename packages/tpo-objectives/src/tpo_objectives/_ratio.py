"""The probability ratio and the clipped surrogate that PPO and GRPO share."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

# exp(20) is about 5e8: large for a probability ratio, and far from the largest float32.
MAX_LOG_RATIO = 20.0


def log_ratio(logp: Float[Array, "*b"], old_logp: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """`logp - old_logp`, clipped so that its exponential is finite. The gradient is 0 beyond the bound."""
    return jnp.clip(logp - jax.lax.stop_gradient(old_logp), -MAX_LOG_RATIO, MAX_LOG_RATIO)


def clipped_surrogate(
    log_ratios: Float[Array, "*b"], advantages: Float[Array, "*b"], clip: float
) -> Float[Array, "*b"]:
    """PPO's `min(r A, clip(r, 1 - clip, 1 + clip) A)`, which is to be maximised."""
    ratios = jnp.exp(log_ratios)
    return jnp.minimum(ratios * advantages, jnp.clip(ratios, 1.0 - clip, 1.0 + clip) * advantages)
