"""The correct answers of token tasks, as functions of the prompt."""

import functools
from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Int, Integer

from ._arrays import AnyArray, namespace, widen

Target: TypeAlias = Callable[[Integer[AnyArray, "*b h"], int], Int[AnyArray, "*b h"]]


def _of_wide_tokens(target: Target) -> Target:
    @functools.wraps(target)
    def of_any_integers(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
        return target(widen(prompts), vocab_size)

    return of_any_integers


@_of_wide_tokens
def copy(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """The prompt itself."""
    del vocab_size
    return prompts


@_of_wide_tokens
def flip(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """Every token `x` replaced by its mirror image `vocab_size - 1 - x`."""
    return vocab_size - 1 - prompts


@_of_wide_tokens
def reverse_copy(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """The prompt in reverse order."""
    del vocab_size
    return prompts[..., ::-1]


@_of_wide_tokens
def reverse_flip(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """The mirrored tokens in reverse order."""
    return flip(reverse_copy(prompts, vocab_size), vocab_size)


@_of_wide_tokens
def sort(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """The tokens of the prompt in ascending order."""
    del vocab_size
    return namespace(prompts).sort(prompts, axis=-1)


@_of_wide_tokens
def modular_addition(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """The sum of each token and the next (cyclically), `y_t = (x_t + x_{t+1}) mod V`."""
    return (prompts + namespace(prompts).roll(prompts, -1, axis=-1)) % vocab_size


@_of_wide_tokens
def parity(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """The sum of the prompt so far, `y_t = (x_0 + ... + x_t) mod V`: with two tokens, the running parity."""
    sums = namespace(prompts).cumsum(prompts, axis=-1) % vocab_size
    return sums.astype(prompts.dtype)


@_of_wide_tokens
def skip_distractors(prompts: Integer[AnyArray, "*b h"], vocab_size: int) -> Int[AnyArray, "*b h"]:
    """The signals of the prompt in order, padded with `V - 1`.

    Tokens below `ceil(V / 2)` are signals; the others are distractors.
    """
    xp = namespace(prompts)
    distracts = prompts >= (vocab_size + 1) // 2
    padded = xp.where(distracts, vocab_size - 1, prompts).astype(prompts.dtype)
    signals_first = xp.argsort(distracts, axis=-1, stable=True)
    return xp.take_along_axis(padded, signals_first, axis=-1)


TARGETS: dict[str, Target] = {
    "copy": copy,
    "flip": flip,
    "reverse_copy": reverse_copy,
    "reverse_flip": reverse_flip,
    "sort": sort,
    "modular_addition": modular_addition,
    "parity": parity,
    "skip_distractors": skip_distractors,
}
