"""The precision of sums and statistics."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def at_least_float32(dtype: np.dtype) -> np.dtype:
    """The dtype in which to sum numbers of `dtype`: itself, or float32 for float16 and bfloat16."""
    return dtype if jnp.finfo(dtype).bits >= 32 else np.dtype(np.float32)


def widened(array: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """The array in at least float32."""
    return array.astype(at_least_float32(array.dtype))
