"""Draws tokens of a large vocabulary: tempered, truncated, or the most probable."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, Scalar


def draw_tokens(
    key: PRNGKeyArray,
    logits: Float[Array, "n vocab"],
    draws: int,
    *,
    temperature: float | int | Scalar | None = None,
    top_p: float | int | Scalar | None = None,
) -> tuple[Int[Array, "n {draws}"], Float[Array, "n {draws}"]]:
    """Independent tokens of every row, and their log-probs in the distribution that they are drawn from.

    **Arguments:**

    - `logits`: of at least float32.
    - `temperature`: divides the logits. The number 0 takes the most probable token, whose log-prob is then
        that of the distribution itself.
    - `top_p`: draws only from the most probable tokens whose probability reaches `top_p` together, after the
        temperature; tokens as probable as the last of them stay, too.
    """
    if isinstance(temperature, int | float) and temperature == 0:
        tokens = jnp.argmax(logits, axis=-1)[:, None]
        log_probs = jnp.take_along_axis(jax.nn.log_softmax(logits), tokens, axis=-1)
        shape = (len(logits), draws)
        return jnp.broadcast_to(tokens, shape), jnp.broadcast_to(log_probs, shape)
    if temperature is not None:
        logits = logits / jnp.asarray(temperature, logits.dtype)
    if top_p is not None:
        logits = _nucleus(logits, jnp.asarray(top_p, logits.dtype))
    return _draw_in_two_stages(key, logits, draws)


def _draw_in_two_stages(key, logits, draws):
    """First a block of tokens by its probability, then a token of the block.

    The noise of the Gumbel trick for the whole vocabulary would take longer than the model.
    """
    rows, vocab = logits.shape
    size = 1 << math.ceil(math.log2(vocab) / 2)
    count = -(-vocab // size)
    filler = count * size - vocab
    if filler:
        logits = jnp.pad(logits, ((0, 0), (0, filler)), constant_values=-jnp.inf)
    blocks = logits.reshape(rows, count, size)
    of_blocks = jax.nn.logsumexp(blocks, axis=-1)
    of_block, within_block = jax.random.split(key)
    block = jax.random.categorical(of_block, of_blocks[:, None], shape=(rows, draws))
    inside = jnp.take_along_axis(blocks, block[..., None], axis=1)
    place = jax.random.categorical(within_block, inside)
    chosen = jnp.take_along_axis(inside, place[..., None], axis=-1)[..., 0]
    return block * size + place, chosen - jax.nn.logsumexp(of_blocks, axis=-1)[:, None]


def _nucleus(logits, top_p):
    """Minus infinity for all but the most probable tokens.

    The smallest probability that stays is found by bisection of its bits, without sorting the vocabulary.
    """
    probs = jax.nn.softmax(logits.astype(jnp.float32))
    rows = len(probs)

    def reaches(bits):
        floor = jax.lax.bitcast_convert_type(bits, jnp.float32)[:, None]
        return jnp.sum(jnp.where(probs >= floor, probs, 0.0), axis=-1) >= top_p

    def halve(_, bounds):
        low, high = bounds
        middle = low + (high - low) // 2
        enough = reaches(middle)
        return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

    # Bits of floats that are not negative are ordered as the floats; these are 0 and 2.
    bounds = (jnp.zeros(rows, jnp.int32), jnp.full(rows, 0x40000000, jnp.int32))
    low, _ = jax.lax.fori_loop(0, 31, halve, bounds)
    floor = jax.lax.bitcast_convert_type(low, jnp.float32)[:, None]
    return jnp.where(probs >= floor, logits, -jnp.inf)
