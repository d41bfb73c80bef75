"""An affine layer on rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class Dense(eqx.Module):
    """`x @ kernel + bias` for the rows of a matrix.

    The kernel `(fan_in, fan_out)` is initialized LeCun-normal (truncated normal) and the bias with zeros. The
    rows are cast to the kernel's dtype.

    The input is a matrix: on a CPU, the weight gradient of a higher-rank product costs several times that of
    a matrix product, so callers flatten leading axes.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> Dense(784, 10, key=jax.random.key(0))(jnp.zeros((5, 784))).shape
    (5, 10)
    """

    kernel: Float[Array, "fan_in fan_out"]
    bias: Float[Array, " fan_out"]

    def __init__(self, fan_in: int, fan_out: int, *, key: PRNGKeyArray):
        self.kernel = lecun_normal(key, (fan_in, fan_out))
        self.bias = jnp.zeros(fan_out, jnp.float32)

    def __call__(self, x: Float[Array, "n fan_in"]) -> Float[Array, "n fan_out"]:
        """The layer applied to every row."""
        return affine(x.astype(self.kernel.dtype), self.kernel, self.bias)


@jax.custom_jvp
def affine(
    x: Float[Array, "n fan_in"], kernel: Float[Array, "fan_in fan_out"], bias: Float[Array, " fan_out"]
) -> Float[Array, "n fan_out"]:
    """`x @ kernel + bias`, with a gradient that is fast on CPUs.

    The gradient of a tall kernel is computed as its transpose, because XLA computes a wide product of two
    matrices with many rows in half the time. The barrier prevents the compiler from folding the transpose
    into the product.
    """
    return x @ kernel + bias


@affine.defjvp
def _affine_jvp(primals, tangents):
    x, kernel, bias = primals
    of_x, of_kernel, of_bias = tangents
    if kernel.shape[0] > kernel.shape[1]:
        of_kernel = jax.lax.optimization_barrier(of_kernel.T).T
    return affine(x, kernel, bias), of_x @ kernel + x @ of_kernel + of_bias


def lecun_normal(key: PRNGKeyArray, shape: tuple[int, int]) -> Float[Array, "fan_in fan_out"]:
    """A matrix of truncated normal values with variance `1 / fan_in`."""
    return jax.nn.initializers.lecun_normal()(key, shape, jnp.float32)
