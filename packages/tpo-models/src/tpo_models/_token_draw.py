"""Draws tokens from a large vocabulary, with a temperature, top-p truncation, or greedily."""

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
    """Independent tokens for every row, and their log-probs in the distribution that they are drawn from.

    **Arguments:**

    - `logits`: in at least float32.
    - `temperature`: divides the logits. The number 0 takes the most probable token, with its log-prob at
        temperature 1.
    - `top_p`: draws only from the most probable tokens whose total probability reaches `top_p`, after the
        temperature, including tokens that tie with the last of them.
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
    """Draw a block of tokens first, by its probability, then a token of the block.

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
    """Set all but the most probable tokens to minus infinity.

    Bisection over the bits finds the smallest probability that stays, without sorting the vocabulary.
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

    # The bits of nonnegative floats have the order of the floats. These bounds are 0 and 2.
    bounds = (jnp.zeros(rows, jnp.int32), jnp.full(rows, 0x40000000, jnp.int32))
    low, _ = jax.lax.fori_loop(0, 31, halve, bounds)
    floor = jax.lax.bitcast_convert_type(low, jnp.float32)[:, None]
    return jnp.where(probs >= floor, logits, -jnp.inf)
