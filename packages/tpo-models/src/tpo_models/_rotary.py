"""Rotary position embeddings."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class Rotation(NamedTuple):
    """Cosines and sines of the angles of `n` positions."""

    cos: Float[Array, "n half"]
    sin: Float[Array, "n half"]


def rotation(positions: Int[Array, " n"], head_dim: int, base: float) -> Rotation:
    """The angles `position * base ** (-2 i / head_dim)` for `i` below `head_dim / 2`."""
    exponents = jnp.arange(0, head_dim, 2, dtype=jnp.float32) / head_dim
    angles = positions.astype(jnp.float32)[:, None] * jnp.float32(base) ** -exponents
    return Rotation(jnp.cos(angles), jnp.sin(angles))


def rotated(x: Float[Array, "n *heads head_dim"], by: Rotation) -> Float[Array, "n *heads head_dim"]:
    """The vectors of row `n`, with entries `i` and `i + head_dim / 2` rotated by angle `i`.

    Source: arXiv 2104.09864, with the halves of a vector as the coordinates of its planes.
    """
    shape = (len(x), *(1 for _ in x.shape[1:-1]), x.shape[-1] // 2)
    cos, sin = by.cos.reshape(shape), by.sin.reshape(shape)
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return turned.astype(x.dtype)
