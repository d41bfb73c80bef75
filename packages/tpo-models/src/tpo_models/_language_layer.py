"""One layer of a language model."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._attention import KeyValues
from ._language_config import LanguageModelConfig
from ._linear import Linear, normal_kernel
from ._rms_norm import rms_norm
from ._rotary import Rotation, rotated

Mix: TypeAlias = Callable[
    [Float[Array, "n kv_heads groups head_dim"], KeyValues], tuple[Float[Array, "n heads_out"], Any]
]
"""Attention: from the queries, keys and values of rows to the outputs of their heads, and what to keep."""


class LanguageLayer(eqx.Module):
    """RMSNorm, attention, residual; RMSNorm, SwiGLU, residual.

    The arrays have a leading axis for the layers of a model, which the model's scan removes.
    """

    attention_norm: Float[Array, "*layers width"]
    query: Linear
    key: Linear
    value: Linear
    out: Linear
    query_norm: Float[Array, "*layers head_dim"] | None
    key_norm: Float[Array, "*layers head_dim"] | None
    mlp_norm: Float[Array, "*layers width"]
    gate: Linear
    up: Linear
    down: Linear
    config: LanguageModelConfig = eqx.field(static=True)

    def __call__(
        self, x: Float[Array, "n width"], by: Rotation, mix: Mix
    ) -> tuple[Float[Array, "n width"], Any]:
        """The rows after attention and MLP, and what `mix` keeps."""
        queries, own = self._heads(rms_norm(x, self.attention_norm, self.config.norm_eps), by)
        attended, kept = mix(queries, own)
        x = x + self.out(attended)
        normed = rms_norm(x, self.mlp_norm, self.config.norm_eps)
        return x + self.down(jax.nn.silu(self.gate(normed)) * self.up(normed)), kept

    def _heads(self, normed, by):
        c, rows = self.config, len(normed)
        queries = self.query(normed).reshape(rows, c.kv_heads, c.heads // c.kv_heads, c.head_dim)
        keys, values = (of(normed).reshape(rows, c.kv_heads, c.head_dim) for of in (self.key, self.value))
        if self.query_norm is not None and self.key_norm is not None:
            queries = rms_norm(queries, self.query_norm, c.norm_eps)
            keys = rms_norm(keys, self.key_norm, c.norm_eps)
        return rotated(queries, by), KeyValues(rotated(keys, by), values)


def initial_layers(config: LanguageModelConfig, key: PRNGKeyArray) -> LanguageLayer:
    """All layers of a model: kernels normal with variance `1 / fan_in`, norms one, biases zero."""
    queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
    width, hidden = config.width, config.mlp_width
    shapes = {
        "query": (queries, width),
        "key": (keys, width),
        "value": (keys, width),
        "out": (width, queries),
        "gate": (hidden, width),
        "up": (hidden, width),
        "down": (width, hidden),
    }
    linear = {}
    for subkey, (name, shape) in zip(jax.random.split(key, len(shapes)), shapes.items(), strict=True):
        has_bias = config.qkv_biases and name in ("query", "key", "value")
        bias = jnp.zeros((config.layers, shape[0]), jnp.float32) if has_bias else None
        linear[name] = Linear(normal_kernel(subkey, config.layers, *shape), bias)

    def ones(size):
        return jnp.ones((config.layers, size), jnp.float32)

    return LanguageLayer(
        attention_norm=ones(width),
        query_norm=ones(config.head_dim) if config.qk_norms else None,
        key_norm=ones(config.head_dim) if config.qk_norms else None,
        mlp_norm=ones(width),
        config=config,
        **linear,
    )
