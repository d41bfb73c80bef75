"""Finds equal rows, and goes through the distinct ones in blocks."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import AxisType
from jaxtyping import Array, Int, Shaped

# Positions of a block times their width: what a layer keeps of a block fits the second-level cache of a core.
BLOCK_NUMBERS = 16_384
# The loops over blocks cost narrower networks more than they save.
FEWEST_WIDTH = 32
# With fewer blocks, going through them costs more than it saves while all answers are different.
FEWEST_BLOCKS = 8


class Distinct(NamedTuple):
    """The distinct rows of a matrix.

    The first `total` entries of `first` are the index of the first row of each kind, in the rows'
    lexicographic order; the others are 0. `kinds` holds the position in `first` of each row's kind.
    """

    first: Int[Array, " n"]
    kinds: Int[Array, " n"]
    total: Int[Array, ""]


def distinct_rows(tokens: Int[Array, "n t"], vocab_size: int | None = None) -> Distinct:
    """Find the distinct rows.

    **Arguments:**

    - `tokens`: integers of 32 bits.
    - `vocab_size`: tokens are below it; None if they are any integers.
    """
    rows = len(tokens)
    words = tokens if vocab_size is None else _packed(tokens, vocab_size)
    *words, order = jax.lax.sort((*words.T, jnp.arange(rows)), num_keys=words.shape[1])
    new = jnp.any(jnp.stack([word[1:] != word[:-1] for word in words]), axis=0)
    new = jnp.concatenate([jnp.ones(1, bool), new])
    kinds = jnp.cumsum(new) - 1
    # The sort is stable, so the first row of a kind in the order is also the first in the matrix.
    first = jnp.zeros(rows, order.dtype).at[jnp.where(new, kinds, rows)].set(order, mode="drop")
    return Distinct(first, jnp.zeros_like(kinds).at[order].set(kinds), kinds[-1] + 1)


def _packed(tokens, vocab_size):
    """As many tokens in each word as fit, since the time to sort grows with the number of words."""
    bits = max(1, (vocab_size - 1).bit_length())
    in_word = 31 // bits
    padded = jnp.pad(tokens, ((0, 0), (0, -tokens.shape[1] % in_word)))
    shifts = bits * jnp.arange(in_word)
    return jnp.sum(padded.reshape(len(tokens), -1, in_word) << shifts, axis=-1)


def block_size(positions: int, width: int) -> int:
    """How many sequences of `positions` make a block."""
    return max(1, BLOCK_NUMBERS // (positions * width))


def in_blocks_pays(prompts: int, candidates: int, block: int, width: int) -> bool:
    """Whether to go through the candidates of prompts in blocks: on a CPU, if there are several blocks.

    What the compiler splits over devices stays whole.
    """
    mesh = jax.sharding.get_abstract_mesh()
    split = any(
        kind == AxisType.Auto and mesh.shape[name] > 1
        for name, kind in zip(mesh.axis_names, mesh.axis_types, strict=True)
    )
    several = candidates > 1 and prompts * candidates >= FEWEST_BLOCKS * block
    return several and width >= FEWEST_WIDTH and jax.default_backend() == "cpu" and not split


def whole_blocks(rows: int, block: int) -> int:
    """The smallest multiple of `block` that is at least `rows`."""
    return -(-rows // block) * block


def part(i: Int[Array, ""], array: Shaped[Array, "n *c"], block: int, axis: int = 0) -> Shaped[Array, "..."]:
    """Block `i` of an array along an axis."""
    return jax.lax.dynamic_slice_in_dim(array, i * block, block, axis)


def with_part(
    i: Int[Array, ""], array: Shaped[Array, "n *c"], new: Shaped[Array, "block *c"]
) -> Shaped[Array, "n *c"]:
    """The array with `new` as its block `i`."""
    return jax.lax.dynamic_update_slice_in_dim(array, new, i * len(new), 0)
