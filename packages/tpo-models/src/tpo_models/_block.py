"""One pre-norm transformer block."""

import equinox as eqx
import jax
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ._attention import Attention, KeyValues, attend
from ._dense import Dense


class Block(eqx.Module):
    """LayerNorm, causal self-attention, residual; LayerNorm, MLP of four times the width, residual.

    LayerNorm has eps 1e-6, the MLP a tanh-approximated GELU.
    """

    attention_norm: eqx.nn.LayerNorm
    attention: Attention
    mlp_norm: eqx.nn.LayerNorm
    mlp_in: Dense
    mlp_out: Dense

    def __init__(self, width: int, heads: int, *, key: PRNGKeyArray):
        attention_key, in_key, out_key = jax.random.split(key, 3)
        self.attention_norm = eqx.nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, key=attention_key)
        self.mlp_norm = eqx.nn.LayerNorm(width, eps=1e-6)
        self.mlp_in = Dense(width, 4 * width, key=in_key)
        self.mlp_out = Dense(4 * width, width, key=out_key)

    def queries_keys_values(
        self, x: Float[Array, "b k t width"]
    ) -> tuple[Float[Array, "b k t heads head_dim"], KeyValues]:
        """What the positions ask, and what they offer to others."""
        rows = x.reshape(-1, x.shape[-1])
        projected = self.attention.project(jax.vmap(self.attention_norm)(rows))
        queries, keys, values = projected.reshape(3, *x.shape[:-1], *projected.shape[-2:])
        return queries, KeyValues(keys, values)

    def __call__(
        self,
        x: Float[Array, "b k t width"],
        queries: Float[Array, "b k t heads head_dim"],
        own: KeyValues,
        mask: Bool[Array, "t s"],
        prefix: KeyValues | None = None,
    ) -> Float[Array, "b k t width"]:
        """The positions after attention and MLP; `mask[t, s]` lets position `t` read the own position `s`."""
        attended = attend(queries, own, mask, prefix)
        rows = x.reshape(-1, x.shape[-1])
        rows = rows + self.attention.merge(attended.reshape(-1, *attended.shape[-2:]))
        hidden = jax.nn.gelu(self.mlp_in(jax.vmap(self.mlp_norm)(rows)), approximate=True)
        return (rows + self.mlp_out(hidden)).reshape(x.shape)
