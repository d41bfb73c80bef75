"""Root-mean-square normalization."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._precision import widened


def rms_norm(
    x: Float[Array, "*b width"], weight: Float[Array, " width"], eps: float
) -> Float[Array, "*b width"]:
    """`weight * x / sqrt(mean(x**2) + eps)` along the last axis, computed in at least float32.

    >>> import jax.numpy as jnp
    >>> rms_norm(jnp.array([[1.0, -1.0]]), jnp.array([1.0, 10.0]), 0.0).tolist()
    [[1.0, -10.0]]

    Source: arXiv 1910.07467.
    """
    wide = widened(x)
    scale = jax.lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + jnp.asarray(eps, wide.dtype))
    return (wide * scale * weight.astype(wide.dtype)).astype(x.dtype)
