"""Reward rules: how much each token of an answer earns."""

import dataclasses
from collections.abc import Callable

from jaxtyping import Bool, Float

from ._arrays import AnyArray, namespace


@dataclasses.dataclass(frozen=True)
class Reward:
    """A reward rule. Calling it gives the reward of every token, in [0, 1].

    Attributes:
        tokens: maps the correctness of tokens `[..., h]` to their rewards `[..., h]`.
        score: maps the correctness of tokens to the score of every answer `[...]`: a faster way to compute
            the mean of its token rewards.
        random_score: the expected score when each of `h` tokens is correct with probability `p`, by `(p, h)`.
        dense: whether a token's reward is independent of later tokens.

    Example:
        >>> import numpy as np
        >>> REWARDS["sequential"](np.array([True, False, True])).tolist()
        [1.0, 0.0, 0.0]
    """

    tokens: Callable[[AnyArray], AnyArray]
    score: Callable[[AnyArray], AnyArray]
    random_score: Callable[[float, int], float]
    dense: bool

    def __call__(self, correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b h"]:
        """The reward of every token."""
        return self.tokens(correct)


def bag_of_tokens(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b h"]:
    """1 for every correct token, at any position."""
    return correct.astype(float)


def _share(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b"]:
    return namespace(correct).mean(correct, axis=-1)


def sequential(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b h"]:
    """1 for every correct token before the first mistake."""
    return namespace(correct).cumprod(correct.astype(float), axis=-1)


def _share_before_a_mistake(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b"]:
    xp, horizon = namespace(correct), correct.shape[-1]
    # argmin finds the first mistake. Without a mistake it returns 0, so that case is separate.
    first = xp.argmin(correct, axis=-1)
    return xp.where(xp.all(correct, axis=-1), horizon, first).astype(float) / horizon


def terminal(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b h"]:
    """1 for every token if the whole answer is correct, else 0."""
    return _on_all_tokens(_whole(correct), correct)


def _whole(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b"]:
    return namespace(correct).all(correct, axis=-1).astype(float)


def graded(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b h"]:
    """The square of the share of correct tokens, for every token: partial credit for the whole answer."""
    return _on_all_tokens(_squared_share(correct), correct)


def _squared_share(correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b"]:
    return _share(correct) ** 2


def _on_all_tokens(scores: Float[AnyArray, "*b"], correct: Bool[AnyArray, "*b h"]) -> Float[AnyArray, "*b h"]:
    return namespace(correct).broadcast_to(scores[..., None], correct.shape)


def _random_bag_of_tokens(p: float, h: int) -> float:
    del h
    return p


def _random_sequential(p: float, h: int) -> float:
    return sum(p**t for t in range(1, h + 1)) / h


def _random_terminal(p: float, h: int) -> float:
    return p**h


def _random_graded(p: float, h: int) -> float:
    # The mean square of a binomial share: its variance and the square of its mean.
    return p * (1 - p) / h + p**2


# Named functions, so that a rule can be pickled.
REWARDS: dict[str, Reward] = {
    "bag_of_tokens": Reward(bag_of_tokens, _share, _random_bag_of_tokens, dense=True),
    "sequential": Reward(sequential, _share_before_a_mistake, _random_sequential, dense=True),
    "terminal": Reward(terminal, _whole, _random_terminal, dense=False),
    "graded": Reward(graded, _squared_share, _random_graded, dense=False),
}
