"""Draws the tokens of answers one by one."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._precision import widened

Decode: TypeAlias = Callable[[Int[Array, "b k"], Int[Array, ""], Any], tuple[Float[Array, "b k vocab"], Any]]
"""From answer token `t` of every candidate, `t` and the cache to the log-probs of the next one."""
Drawn: TypeAlias = tuple[Int[Array, "h b k"], Float[Array, "h b k"]]


def sample_all(
    key: PRNGKeyArray, first: Float[Array, "b k vocab"], cache: Any, decode: Decode, horizon: int
) -> Drawn:
    """Draw `horizon` tokens of every answer, with their log-probs."""
    keys = jax.random.split(key, horizon)
    tokens = draw(keys[0], first)

    def step(carry, now):
        tokens, cache = carry
        t, key = now
        log_softmax, cache = decode(tokens, t, cache)
        tokens = draw(key, log_softmax)
        return (tokens, cache), (tokens, select(log_softmax, tokens))

    _, (rest, rest_log_probs) = jax.lax.scan(step, (tokens, cache), (jnp.arange(horizon - 1), keys[1:]))
    answers = jnp.concatenate([tokens[None], rest])
    return answers, jnp.concatenate([select(first, tokens)[None], rest_log_probs])


def sample_until(
    key: PRNGKeyArray, first: Float[Array, "b k vocab"], cache: Any, decode: Decode, horizon: int, end: int
) -> Drawn:
    """Draw tokens until every answer has ended, at most `horizon`.

    After its first end token, an answer is padded with end tokens of log-prob 0.
    """
    # Split the same keys as for all tokens, so that stopping early changes no token.
    keys = jax.random.split(key, horizon)
    tokens = draw(keys[0], first)
    answers = jnp.full((horizon, *tokens.shape), end, tokens.dtype).at[0].set(tokens)
    log_probs = jnp.zeros(answers.shape, first.dtype).at[0].set(select(first, tokens))

    def unfinished(carry):
        t, tokens, *_ = carry
        return (t < horizon) & jnp.any(tokens != end)

    def step(carry):
        t, tokens, cache, answers, log_probs = carry
        log_softmax, cache = decode(tokens, t - 1, cache)
        ended = tokens == end
        tokens = jnp.where(ended, end, draw(keys[t], log_softmax))
        of_tokens = jnp.where(ended, 0.0, select(log_softmax, tokens))
        return t + 1, tokens, cache, answers.at[t].set(tokens), log_probs.at[t].set(of_tokens)

    carry = (jnp.int32(1), tokens, cache, answers, log_probs)
    *_, answers, log_probs = jax.lax.while_loop(unfinished, step, carry)
    return answers, log_probs


def draw(key: PRNGKeyArray, log_softmax: Float[Array, "*b vocab"]) -> Int[Array, "*b"]:
    """One token per row."""
    # Random numbers in a 16-bit dtype are too coarse for the distribution.
    return jax.random.categorical(key, widened(log_softmax))


def select(log_softmax: Float[Array, "*b vocab"], tokens: Int[Array, "*b"]) -> Float[Array, "*b"]:
    """The log-probs of given tokens."""
    chosen = jax.nn.one_hot(tokens, log_softmax.shape[-1], dtype=bool)
    # Do not use a product: the log-prob of an impossible token times 0 is NaN.
    return jnp.sum(jnp.where(chosen, log_softmax, 0.0), axis=-1)
