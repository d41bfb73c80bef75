"""Token tasks: answer a random prompt with a fixed transformation of it."""

import dataclasses

from jaxtyping import Int, Integer

from ._arrays import AnyArray
from ._names import check_name
from ._rewards import REWARDS
from ._targets import TARGETS
from ._token_base import AbstractTokenTask
from ._token_checks import check_sizes


@dataclasses.dataclass(frozen=True)
class TokenTask(AbstractTokenTask):
    """Answer a prompt of `horizon` uniform tokens with `target(prompt)`; `reward` scores every token.

    The score of an answer is the mean of its token rewards, so it lies in [0, 1] and 1 is perfect.

    **Arguments:**

    - `target`: `"copy"` x, `"flip"` V - 1 - x, `"reverse_copy"`, `"reverse_flip"`, `"sort"` in ascending
        order, `"modular_addition"` of each token and its right neighbor, `"parity"` the sum so far modulo V,
        or `"skip_distractors"`, the tokens below V / 2 in order, padded with V - 1.
    - `reward`: `"bag_of_tokens"` pays for each correct token, `"sequential"` for each correct token up to the
        first mistake, and `"terminal"` for all tokens if the whole answer is correct. `"graded"` pays the
        square of the share of correct tokens for every token.
    - `horizon`: tokens in a prompt and in an answer, at least 1.
    - `vocab_size`: tokens are the integers `0 .. vocab_size - 1`, at least 2; `horizon * vocab_size` is below
        2^31.

    **Raises:** `ValueError` if the target or reward is unknown, or a size is out of range.

    >>> import jax.numpy as jnp
    >>> task = TokenTask(target="reverse_copy", reward="sequential", horizon=3, vocab_size=2)
    >>> prompt = jnp.array([0, 1, 1])
    >>> task.answer(prompt).tolist()
    [1, 1, 0]
    >>> task.token_rewards(prompt, jnp.array([1, 0, 0])).tolist()
    [1.0, 0.0, 0.0]

    Source: the token reversal family of arXiv 2604.06159, section 3. Sorting, addition, parity, distractors
    and graded rewards are ours.
    """

    target: str
    reward: str
    horizon: int
    vocab_size: int

    def __post_init__(self) -> None:
        check_name("target", self.target, TARGETS)
        check_name("reward", self.reward, REWARDS)
        check_sizes(self.horizon, self.vocab_size)

    def answer(self, prompts: Integer[AnyArray, "*b h"]) -> Int[AnyArray, "*b h"]:
        """The correct answer of every prompt."""
        return TARGETS[self.target](prompts, self.vocab_size)
