"""Layer normalization of rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._precision import widened

EPS = 1e-6


class LayerNorm(eqx.Module):
    """`weight * (x - mean) / sqrt(variance + 1e-6) + bias` for the rows of a matrix, population variance.

    Mean and variance are at least float32; the result has the dtype of the rows.

    >>> import jax.numpy as jnp
    >>> LayerNorm(2)(jnp.array([[1.0, 3.0]])).round(3).tolist()
    [[-1.0, 1.0]]
    """

    weight: Float[Array, " width"]
    bias: Float[Array, " width"]

    def __init__(self, width: int):
        self.weight = jnp.ones(width, jnp.float32)
        self.bias = jnp.zeros(width, jnp.float32)

    def __call__(self, x: Float[Array, "n width"]) -> Float[Array, "n width"]:
        """The normalized rows."""
        return _layer_norm(widened(x), widened(self.weight), widened(self.bias)).astype(x.dtype)


def _mean(x):
    return jnp.mean(x, axis=-1, keepdims=True)


@jax.custom_jvp
def _layer_norm(x, weight, bias):
    unit, _ = _normalized(x)
    return weight * unit + bias


def _normalized(x):
    centered = x - _mean(x)
    scale = jax.lax.rsqrt(_mean(centered * centered) + EPS)
    return centered * scale, scale


# A custom derivative in terms of the normalized rows, because automatic differentiation stores and reads
# more. The gradient is its transpose, so the order of lines and the minus signs determine the order of its
# sums.
@_layer_norm.defjvp
def _layer_norm_jvp(primals, tangents):
    x, weight, bias = primals
    of_x, of_weight, of_bias = tangents
    unit, scale = _normalized(x)
    scaled = scale * of_x
    along_unit = unit * _mean(-scaled * unit)
    of_unit = scaled + _mean(-scaled) + along_unit
    return weight * unit + bias, weight * of_unit + of_weight * unit + of_bias
