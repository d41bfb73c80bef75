"""Multi-head attention in which the candidates of a prompt share its keys and values."""

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ._dense import affine, lecun_normal
from ._precision import widened
from ._products import query_key_products, weighted_sums

# Sequences with more positions are processed in blocks of this size.
QUERY_BLOCK = 32


class KeyValues(NamedTuple):
    """Keys and values of a layer: of every candidate `b heads k s`, or of the shared prompt `b heads s`.

    Heads come before candidates and positions, so that products with the keys of a candidate or of the prompt
    need no transposed copy.
    """

    keys: Float[Array, "b heads *k s head_dim"]
    values: Float[Array, "b heads *k s head_dim"]


class Attention(eqx.Module):
    """The projections of multi-head attention.

    Query, key and value kernels are `(width, heads, head_dim)` with biases `(heads, head_dim)`; the output
    kernel is `(heads, head_dim, width)`. Kernels are LeCun-normal over the full width, biases zero. With this
    layout, an optimizer that selects matrices by rank splits the parameters as in arXiv 2604.06159.
    """

    query: Float[Array, "width heads head_dim"]
    key: Float[Array, "width heads head_dim"]
    value: Float[Array, "width heads head_dim"]
    query_bias: Float[Array, "heads head_dim"]
    key_bias: Float[Array, "heads head_dim"]
    value_bias: Float[Array, "heads head_dim"]
    out: Float[Array, "heads head_dim width"]
    out_bias: Float[Array, " width"]

    def __init__(self, width: int, heads: int, *, key: PRNGKeyArray):
        head_dim = width // heads
        kernels = [lecun_normal(k, (width, width)) for k in jax.random.split(key, 4)]
        self.query, self.key, self.value = (kernel.reshape(width, heads, head_dim) for kernel in kernels[:3])
        # Use separate arrays, because JAX cannot donate the same array twice.
        self.query_bias, self.key_bias, self.value_bias = (
            jnp.zeros((heads, head_dim), jnp.float32) for _ in range(3)
        )
        self.out = kernels[3].reshape(heads, head_dim, width)
        self.out_bias = jnp.zeros(width, jnp.float32)

    def project(self, x: Float[Array, "n width"]) -> Float[Array, "n 3 heads head_dim"]:
        """Queries, keys and values of every row, in one matrix product."""
        width, heads, head_dim = self.query.shape
        kernel = jnp.stack([self.query, self.key, self.value], axis=1).reshape(width, -1)
        bias = jnp.stack([self.query_bias, self.key_bias, self.value_bias]).reshape(-1)
        return affine(x, kernel, bias).reshape(-1, 3, heads, head_dim)

    def merge(self, heads_out: Float[Array, "n width"]) -> Float[Array, "n width"]:
        """The output projection of every row's concatenated heads."""
        return affine(heads_out, self.out.reshape(-1, self.out.shape[-1]), self.out_bias)


def causal(length: int) -> Bool[Array, "t t"]:
    """Whether position `t` may read position `s`."""
    return jnp.tril(jnp.ones((length, length), dtype=bool))


def attend(
    queries: Float[Array, "b heads k t head_dim"],
    own: KeyValues,
    mask: Bool[Array, "t s"],
    prefix: KeyValues | None,
    *,
    block: int = QUERY_BLOCK,
) -> Float[Array, "b heads k t head_dim"]:
    """Softmax attention over a candidate's `own` positions where `mask` allows, and over all of `prefix`.

    The prefix `b heads p head_dim` belongs to the prompt: its `k` candidates share the same keys and values,
    which are not copied.

    More than `block` query positions are processed block by block, and the backward pass recomputes the
    weights of each block. At any time, `block (s + p)` weights exist for each head and candidate, instead of
    `t (s + p)`.

    Logits and weights are at least float32; the result has the dtype of the queries.
    """
    wide = widened(queries)
    scaled = (wide / jnp.sqrt(jnp.asarray(queries.shape[-1], wide.dtype))).astype(queries.dtype)
    length = queries.shape[3]
    if length <= block:
        return _attend(scaled, own, mask, prefix)
    blocks = -(-length // block)
    filler = blocks * block - length
    scaled = jnp.pad(scaled, ((0, 0), (0, 0), (0, 0), (0, filler), (0, 0)))
    scaled = scaled.reshape(*scaled.shape[:3], blocks, block, -1)
    mask = jnp.pad(mask, ((0, filler), (0, 0))).reshape(blocks, block, -1)

    # A scan already keeps its iterations apart, so no barriers against common subexpressions are needed.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def attend_block(of_block):
        return _attend(of_block[0], own, of_block[1], prefix)

    attended = jax.lax.map(attend_block, (jnp.moveaxis(scaled, 3, 0), mask))
    attended = jnp.moveaxis(attended, 0, 3).reshape(*queries.shape[:3], blocks * block, -1)
    return attended[..., :length, :]


def _attend(scaled, own, mask, prefix):
    logits = query_key_products(scaled, own.keys)
    logits = jnp.where(mask, logits, jnp.finfo(logits.dtype).min)
    if prefix is None:
        return weighted_sums(jax.nn.softmax(logits).astype(scaled.dtype), own.values)
    # The candidates of a prompt are further queries to its keys.
    shared = query_key_products(_joined(scaled), prefix.keys).reshape(*logits.shape[:-1], -1)
    weights = jax.nn.softmax(jnp.concatenate([shared, logits], axis=-1)).astype(scaled.dtype)
    over_prefix, over_own = jnp.split(weights, [shared.shape[-1]], axis=-1)
    of_prefix = weighted_sums(_joined(over_prefix), prefix.values).reshape(scaled.shape)
    return of_prefix + weighted_sums(over_own, own.values)


def _joined(of_candidates):
    """Rows `[b, heads, k t]` of the positions of all candidates."""
    return of_candidates.reshape(*of_candidates.shape[:2], -1, of_candidates.shape[-1])
