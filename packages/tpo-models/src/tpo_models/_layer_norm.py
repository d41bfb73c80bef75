"""Layer normalisation of rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

EPS = 1e-6


class LayerNorm(eqx.Module):
    """`weight * (x - mean) / sqrt(variance + 1e-6) + bias` for the rows of a matrix, population variance.

    >>> import jax.numpy as jnp
    >>> LayerNorm(2)(jnp.array([[1.0, 3.0]])).round(3).tolist()
    [[-1.0, 1.0]]
    """

    weight: Float[Array, " width"]
    bias: Float[Array, " width"]

    def __init__(self, width: int):
        self.weight = jnp.ones(width)
        self.bias = jnp.zeros(width)

    def __call__(self, x: Float[Array, "n width"]) -> Float[Array, "n width"]:
        """The normalised rows."""
        return _layer_norm(x, self.weight, self.bias)


def _mean(x):
    return jnp.mean(x, axis=-1, keepdims=True)


# The gradient is written by hand, from the normalised rows: automatic differentiation keeps and reads more.
@jax.custom_vjp
def _layer_norm(x, weight, bias):
    return _forward(x, weight, bias)[0]


def _forward(x, weight, bias):
    centred = x - _mean(x)
    scale = jax.lax.rsqrt(_mean(centred * centred) + EPS)
    unit = centred * scale
    return weight * unit + bias, (unit, scale, weight)


def _backward(saved, gradient):
    unit, scale, weight = saved
    of_unit = gradient * weight
    of_x = scale * (of_unit - _mean(of_unit) - unit * _mean(of_unit * unit))
    return of_x, jnp.sum(gradient * unit, axis=0), jnp.sum(gradient, axis=0)


_layer_norm.defvjp(_forward, _backward)
