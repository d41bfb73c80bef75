"""The probability ratio and the clipped surrogate."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

# exp(20) is about 5e8: large for a probability ratio, and far from the largest float32. exp(10) is about
# 22026, and the largest float16 65504.
MAX_LOG_RATIO = 20.0
MAX_LOG_RATIO_OF_FLOAT16 = 10.0


def difference(logp: Float[Array, "*b"], old_logp: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """`logp - old_logp`, and 0 for an action that was and still is impossible."""
    old_logp = jax.lax.stop_gradient(old_logp)
    impossible = jnp.isneginf(logp) & jnp.isneginf(old_logp)
    return jnp.where(impossible, 0.0, logp - old_logp)


def log_ratio(logp: Float[Array, "*b"], old_logp: Float[Array, "*b"], dtype: np.dtype) -> Float[Array, "*b"]:
    """`difference`, clipped so that its exponential is finite in `dtype`. Beyond that, the gradient is 0."""
    bound = MAX_LOG_RATIO if float(jnp.finfo(dtype).max) > 1e9 else MAX_LOG_RATIO_OF_FLOAT16
    return jnp.clip(difference(logp, old_logp), -bound, bound)


def clipped_surrogate(
    log_ratios: Float[Array, "*b"],
    advantages: Float[Array, "*b"],
    low: float | Real[Array, ""],
    high: float | Real[Array, ""],
) -> Float[Array, "*b"]:
    """PPO's `min(r A, clip(r, 1 - low, 1 + high) A)`, which is to be maximized."""
    ratios = jnp.exp(log_ratios)
    return jnp.minimum(ratios * advantages, jnp.clip(ratios, 1.0 - low, 1.0 + high) * advantages)
