"""The answers that a token task asks for, as functions of the prompt."""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Int

Target: TypeAlias = Callable[[Int[Array, "*b h"], int], Int[Array, "*b h"]]


def copy(prompts: Int[Array, "*b h"], vocab_size: int) -> Int[Array, "*b h"]:
    """The prompt itself."""
    del vocab_size
    return prompts


def flip(prompts: Int[Array, "*b h"], vocab_size: int) -> Int[Array, "*b h"]:
    """Every token `x` replaced by its mirror image `vocab_size - 1 - x`."""
    return vocab_size - 1 - prompts


def reverse_copy(prompts: Int[Array, "*b h"], vocab_size: int) -> Int[Array, "*b h"]:
    """The prompt from its last token to its first."""
    del vocab_size
    return jnp.flip(prompts, axis=-1)


def reverse_flip(prompts: Int[Array, "*b h"], vocab_size: int) -> Int[Array, "*b h"]:
    """The mirrored tokens from the last to the first."""
    return flip(reverse_copy(prompts, vocab_size), vocab_size)


TARGETS: dict[str, Target] = {
    "copy": copy,
    "flip": flip,
    "reverse_copy": reverse_copy,
    "reverse_flip": reverse_flip,
}
