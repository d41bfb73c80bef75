"""The loop that draws answers token by token until all of them have ended."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Scalar

from ._attention import KeyValues


class Decoding(NamedTuple):
    """The answers so far: `drawn` tokens of each, of which `tokens` are the last."""

    drawn: Int[Array, ""]
    tokens: Int[Array, "b k"]
    written: KeyValues
    answers: Int[Array, "h b k"]
    log_probs: Float[Array, "h b k"]


def started(
    tokens: Int[Array, "b k"],
    of_tokens: Float[Array, "b k"],
    empty: KeyValues,
    *,
    horizon: int,
    end: int | None,
) -> Decoding:
    """Answers of one token, whose keys and values are not in the cache yet."""
    answers = jnp.full((horizon, *tokens.shape), 0 if end is None else end, tokens.dtype).at[0].set(tokens)
    log_probs = jnp.zeros(answers.shape, of_tokens.dtype).at[0].set(of_tokens)
    return Decoding(jnp.int32(1), tokens, empty, answers, log_probs)


def completed(
    state: Decoding,
    draw_next: Callable[[Decoding], tuple[Int[Array, "b k"], Float[Array, "b k"], KeyValues]],
    *,
    end: int | None,
) -> Decoding:
    """The answers after the last step. `draw_next` returns tokens, their log-probs and the extended cache."""
    horizon = len(state.answers)

    def unfinished(state):
        more = state.drawn < horizon
        return more if end is None else more & jnp.any(state.tokens != end)

    def step(state):
        return _advanced(state, *draw_next(state), end)

    return jax.lax.while_loop(unfinished, step, state)


def _advanced(state, tokens, of_tokens, written, end):
    if end is not None:
        ended = state.tokens == end
        tokens, of_tokens = jnp.where(ended, end, tokens), jnp.where(ended, 0.0, of_tokens)
    answers = state.answers.at[state.drawn].set(tokens)
    log_probs = state.log_probs.at[state.drawn].set(of_tokens)
    return Decoding(state.drawn + 1, tokens, written, answers, log_probs)


def check_options(
    candidates: int,
    horizon: int,
    temperature: float | int | Scalar | None,
    top_p: float | int | Scalar | None,
) -> None:
    """Reject sampling options that are out of range.

    Raises:
        ValueError: an option is out of range.
    """
    for name, size in (("candidates", candidates), ("horizon", horizon)):
        if size < 1:
            raise ValueError(f"{name} is {size}, but it must be at least 1")
    if isinstance(temperature, int | float) and not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature is {temperature}, but it must be at least 0 and finite")
    if isinstance(top_p, int | float) and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}, but it must be above 0 and at most 1")
