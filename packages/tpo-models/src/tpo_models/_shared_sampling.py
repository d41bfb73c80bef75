"""Draws answers token by token; what answers with equal beginnings have in common is computed once."""

from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ._distinct import distinct_rows, part, whole_blocks, with_part
from ._sampling import Drawn, draw, select

Extend: TypeAlias = Callable[
    [Int[Array, " n"], Int[Array, " n"], Int[Array, ""], PyTree], tuple[Float[Array, "n vocab"], PyTree]
]
"""Reads the last token of `n` beginnings: from the indices of their prompts, these tokens, their position in
the answer and the cache `[t, n, ...]` to the log-probs of the next tokens and a new row of the cache."""


def sample_shared(
    key: PRNGKeyArray,
    first: Float[Array, "b k vocab"],
    cache: PyTree,
    extend: Extend,
    prompts: Int[Array, "b p"],
    horizon: int,
    end: int | None,
    block: int,
) -> Drawn:
    """Draw the answers that `sample_all` or `sample_until` draws, up to rounding.

    The time grows with the number of distinct beginnings of answers that have not ended, in steps of `block`.

    **Arguments:**

    - `key`: the key of the draw.
    - `first`: log-probs of the first tokens.
    - `cache`: an empty cache, arrays `[horizon - 1, n, ...]`; `n` is the number of answers in whole blocks.
    - `extend`: reads one more token of a block of beginnings.
    - `prompts`: the prompts, of which some may be equal.
    - `horizon`: the most tokens in an answer.
    - `end`: the end token; None if no answer ends early.
    - `block`: how many beginnings are computed together.
    """
    batch, candidates, vocab_size = first.shape
    answers = batch * candidates
    rows = whole_blocks(answers, block)
    owners = jnp.repeat(jnp.arange(batch), candidates)
    keys = jax.random.split(key, horizon)
    tokens = draw(keys[0], first)
    fill = 0 if end is None else end
    drawn = jnp.full((horizon, batch, candidates), fill, tokens.dtype).at[0].set(tokens)
    log_probs = jnp.zeros(drawn.shape, first.dtype).at[0].set(select(first, tokens))

    def unfinished(carry):
        t, tokens, *_ = carry
        return (t < horizon) & (True if end is None else jnp.any(tokens != end))

    def step(carry):
        t, tokens, kinds, path, cache, drawn, log_probs = carry
        last = tokens.reshape(-1)
        ended = jnp.zeros(answers, bool) if end is None else last == end
        # All answers that have ended are one kind, the last.
        beginnings = jnp.where(ended, jnp.iinfo(kinds.dtype).max, kinds * vocab_size + last)
        distinct = distinct_rows(beginnings[:, None])
        member = jnp.pad(distinct.first, (0, rows - answers))
        # Where the cache holds the tokens of each beginning: copying indices is cheaper than copying rows.
        path = path[:, kinds[member]].at[t - 1].set(jnp.arange(rows))

        def extend_block(i, written):
            of_kinds, cache = written
            members, of_members = part(i, member, block), part(i, path, block, axis=1)
            own = jax.tree.map(lambda leaf: leaf[jnp.arange(horizon - 1)[:, None], of_members], cache)
            log_softmax, new = extend(owners[members], last[members], t - 1, own)
            cache = jax.tree.map(lambda leaf, row: _with_rows(leaf, row, t - 1, i), cache, new)
            return with_part(i, of_kinds, log_softmax), cache

        empty = jnp.zeros((rows, vocab_size), first.dtype)
        blocks = -(-(distinct.total - jnp.any(ended).astype(jnp.int32)) // block)
        of_kinds, cache = jax.lax.fori_loop(0, blocks, extend_block, (empty, cache))
        log_softmax = of_kinds[distinct.kinds].reshape(first.shape)
        ended = ended.reshape(tokens.shape)
        tokens = jnp.where(ended, fill, draw(keys[t], log_softmax))
        of_tokens = jnp.where(ended, 0.0, select(log_softmax, tokens))
        drawn, log_probs = drawn.at[t].set(tokens), log_probs.at[t].set(of_tokens)
        return t + 1, tokens, distinct.kinds, path, cache, drawn, log_probs

    kinds = jnp.repeat(distinct_rows(prompts, vocab_size).kinds, candidates)
    path = jnp.zeros((horizon - 1, rows), kinds.dtype)
    carry = (jnp.int32(1), tokens, kinds, path, cache, drawn, log_probs)
    *_, drawn, log_probs = jax.lax.while_loop(unfinished, step, carry)
    return drawn, log_probs


def _with_rows(cache, rows, t, i):
    """The cache `[t, n, ...]` with `rows` as block `i` of position `t`."""
    start = (t, i * len(rows), *(0,) * (rows.ndim - 1))
    return jax.lax.dynamic_update_slice(cache, rows[None], start)
