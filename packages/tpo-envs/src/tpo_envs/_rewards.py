"""How the correct tokens of an answer are paid, token by token."""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Reward: TypeAlias = Callable[[Bool[Array, "*b h"]], Float[Array, "*b h"]]


def bag_of_tokens(correct: Bool[Array, "*b h"]) -> Float[Array, "*b h"]:
    """One for every correct token, wherever it stands."""
    return correct.astype(float)


def sequential(correct: Bool[Array, "*b h"]) -> Float[Array, "*b h"]:
    """One for every correct token up to the first mistake."""
    return jnp.cumprod(correct.astype(float), axis=-1)


def terminal(correct: Bool[Array, "*b h"]) -> Float[Array, "*b h"]:
    """One on every token if the whole answer is correct, else zero on all."""
    whole = jnp.all(correct, axis=-1, keepdims=True)
    return jnp.broadcast_to(whole, correct.shape).astype(float)


REWARDS: dict[str, Reward] = {
    "bag_of_tokens": bag_of_tokens,
    "sequential": sequential,
    "terminal": terminal,
}
