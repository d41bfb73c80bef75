"""An affine layer on rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class Dense(eqx.Module):
    """`x @ kernel + bias` for the rows of a matrix.

    The kernel is stored `(fan_in, fan_out)`, lecun-normal (truncated normal) at the start, the bias zero.
    Rows, not stacks of matrices: on a CPU the weight gradient of a higher-rank product costs several times
    that of a matrix product, so callers flatten their leading axes.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> Dense(784, 10, key=jax.random.key(0))(jnp.zeros((5, 784))).shape
    (5, 10)
    """

    kernel: Float[Array, "fan_in fan_out"]
    bias: Float[Array, " fan_out"]

    def __init__(self, fan_in: int, fan_out: int, *, key: PRNGKeyArray):
        self.kernel = lecun_normal(key, (fan_in, fan_out))
        self.bias = jnp.zeros(fan_out)

    def __call__(self, x: Float[Array, "n fan_in"]) -> Float[Array, "n fan_out"]:
        """The affine image of every row."""
        return affine(x, self.kernel, self.bias)


@jax.custom_vjp
def affine(
    x: Float[Array, "n fan_in"], kernel: Float[Array, "fan_in fan_out"], bias: Float[Array, " fan_out"]
) -> Float[Array, "n fan_out"]:
    """`x @ kernel + bias`, with a gradient that is quick on CPUs.

    A tall kernel's gradient is computed as its transpose: XLA takes half the time for a wide product of
    two matrices with many rows. The barrier keeps the compiler from folding the transpose back into it.
    """
    return x @ kernel + bias


def _affine_forward(x, kernel, bias):
    return affine(x, kernel, bias), (x, kernel)


def _affine_backward(saved, gradient):
    x, kernel = saved
    tall = kernel.shape[0] > kernel.shape[1]
    of_kernel = jax.lax.optimization_barrier(gradient.T @ x).T if tall else x.T @ gradient
    return gradient @ kernel.T, of_kernel, jnp.sum(gradient, axis=0)


affine.defvjp(_affine_forward, _affine_backward)


def lecun_normal(key: PRNGKeyArray, shape: tuple[int, int]) -> Float[Array, "fan_in fan_out"]:
    """A matrix of truncated normals with variance `1 / fan_in`, the first of the two sizes."""
    return jax.nn.initializers.lecun_normal()(key, shape, jnp.float32)
