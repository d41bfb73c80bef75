"""A linear layer on rows, optionally with a low-rank product."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray


class LowRank(eqx.Module):
    """The product `scale * up @ down` of two low-rank matrices, added to a kernel.

    Source: arXiv 2106.09685 (LoRA).
    """

    down: Float[Array, "*layers rank fan_in"]
    up: Float[Array, "*layers fan_out rank"]
    scale: float = eqx.field(static=True)


class Linear(eqx.Module):
    """`x @ kernel.T + bias` for the rows of a matrix, plus `scale * (x @ down.T) @ up.T` with LoRA.

    The kernel is `(fan_out, fan_in)`, as in the files of pretrained models. All layers of a model share one
    `Linear` whose arrays have a leading axis for the layer.
    """

    kernel: Float[Array, "*layers fan_out fan_in"]
    bias: Float[Array, "*layers fan_out"] | None = None
    low_rank: LowRank | None = None

    def __call__(self, x: Float[Array, "n fan_in"]) -> Float[Array, "n fan_out"]:
        """The layer applied to every row, in the dtype of the rows."""
        out = _rows_times(x, self.kernel)
        if self.bias is not None:
            out = out + self.bias.astype(x.dtype)
        if self.low_rank is not None:
            low = _rows_times(x, self.low_rank.down)
            out = out + jnp.asarray(self.low_rank.scale, x.dtype) * _rows_times(low, self.low_rank.up)
        return out


def normal_kernel(key: PRNGKeyArray, *shape: int) -> Float[Array, "*layers fan_out fan_in"]:
    """Normal values with variance `1 / fan_in`; the last axis is the input axis."""
    return jax.random.normal(key, shape, jnp.float32) * jnp.float32(shape[-1] ** -0.5)


def _rows_times(x, kernel):
    return jax.lax.dot_general(x, kernel.astype(x.dtype), (((1,), (1,)), ((), ())))
