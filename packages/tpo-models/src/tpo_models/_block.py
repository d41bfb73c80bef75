"""One pre-norm transformer block."""

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ._attention import Attention, KeyValues, attend
from ._dense import Dense
from ._layer_norm import LayerNorm


class Block(eqx.Module):
    """LayerNorm, causal self-attention, residual; LayerNorm, MLP of four times the width, residual.

    LayerNorm uses eps 1e-6, and the MLP a tanh-approximated GELU.
    """

    attention_norm: LayerNorm
    attention: Attention
    mlp_norm: LayerNorm
    mlp_in: Dense
    mlp_out: Dense

    def __init__(self, width: int, heads: int, *, key: PRNGKeyArray):
        attention_key, in_key, out_key = jax.random.split(key, 3)
        self.attention_norm = LayerNorm(width)
        self.attention = Attention(width, heads, key=attention_key)
        self.mlp_norm = LayerNorm(width)
        self.mlp_in = Dense(width, 4 * width, key=in_key)
        self.mlp_out = Dense(4 * width, width, key=out_key)

    def queries_keys_values(
        self, x: Float[Array, "b k t width"]
    ) -> tuple[Float[Array, "b heads k t head_dim"], KeyValues]:
        """The queries, keys and values of all positions."""
        projected = self.attention.project(self.attention_norm(_rows(x)))
        projected = projected.reshape(*x.shape[:-1], *projected.shape[1:])
        queries, keys, values = projected.transpose(3, 0, 4, 1, 2, 5)
        return queries, KeyValues(keys, values)

    def __call__(
        self,
        x: Float[Array, "b k t width"],
        queries: Float[Array, "b heads k t head_dim"],
        own: KeyValues,
        mask: Bool[Array, "t s"],
        prefix: KeyValues | None = None,
    ) -> Float[Array, "b k t width"]:
        """The positions after attention and MLP; `mask[t, s]` lets position `t` attend to `s`."""
        attended = attend(queries, own, mask, prefix).transpose(0, 2, 3, 1, 4)
        rows = _rows(x) + self.attention.merge(attended.reshape(-1, x.shape[-1]))
        hidden = jax.nn.gelu(self.mlp_in(self.mlp_norm(rows)), approximate=True)
        return (rows + self.mlp_out(hidden)).reshape(x.shape)


def _rows(x: Float[Array, "*b width"]) -> Float[Array, "n width"]:
    return x.reshape(-1, x.shape[-1])
