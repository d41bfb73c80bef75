"""Attention with keys and values shared by groups of query heads, and by candidates of a prompt."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._attention import KeyValues
from ._precision import at_least_float32

# Larger numbers of query rows are processed in blocks of this size.
ROW_BLOCK = 256


class Readable(NamedTuple):
    """Keys and values `b heads *k s head_dim`, and a mask for them; without `k`, candidates share them."""

    of: KeyValues
    mask: Bool[Array, "#b 1 1 #rows s"]


def attend_grouped(
    queries: Float[Array, "b heads k rows head_dim"],
    parts: Sequence[Readable],
    *,
    block: int = ROW_BLOCK,
) -> Float[Array, "b heads k rows head_dim"]:
    """Softmax attention of the rows of every head over all parts together.

    Here, a head is a key/value head; its rows are the positions of all query heads that use it. Parts that
    the candidates share are not copied. More than `block` rows are processed block by block, and the backward
    pass recomputes the weights of each block.

    Logits and weights are at least float32; the result has the dtype of the queries.
    """
    scaled = queries * jnp.asarray(queries.shape[-1] ** -0.5, queries.dtype)
    rows = queries.shape[3]
    if rows <= block:
        return _attend(scaled, parts)
    blocks = -(-rows // block)
    filler = blocks * block - rows

    def split(array):
        array = jnp.pad(array, [(0, filler if axis == 3 else 0) for axis in range(5)])
        return jnp.moveaxis(array.reshape(*array.shape[:3], blocks, block, -1), 3, 0)

    masks = [jnp.broadcast_to(p.mask, (*p.mask.shape[:3], rows, p.mask.shape[4])) for p in parts]

    # A scan already keeps its iterations apart, so no barriers against common subexpressions are needed.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def attend_block(of_block):
        queries, *masks = of_block
        return _attend(queries, [Readable(p.of, mask) for p, mask in zip(parts, masks, strict=True)])

    attended = jax.lax.map(attend_block, (split(scaled), *map(split, masks)))
    attended = jnp.moveaxis(attended, 0, 3).reshape(*queries.shape[:3], blocks * block, -1)
    return attended[..., :rows, :]


def _attend(scaled, parts):
    wide = at_least_float32(scaled.dtype)
    logits = []
    for of, mask in parts:
        equation = "bnkrd,bnksd->bnkrs" if of.keys.ndim == 5 else "bnkrd,bnsd->bnkrs"
        products = jnp.einsum(equation, scaled, of.keys, preferred_element_type=wide)
        logits.append(jnp.where(mask, products, jnp.finfo(wide).min))
    ends = [sum(part.shape[-1] for part in logits[: i + 1]) for i in range(len(logits) - 1)]
    weights = jax.nn.softmax(jnp.concatenate(logits, axis=-1)).astype(scaled.dtype)
    attended = jnp.zeros((), scaled.dtype)
    for part, (of, _) in zip(jnp.split(weights, ends, axis=-1), parts, strict=True):
        equation = "bnkrs,bnksd->bnkrd" if of.values.ndim == 5 else "bnkrs,bnsd->bnkrd"
        attended = attended + jnp.einsum(equation, part, of.values)
    return attended
