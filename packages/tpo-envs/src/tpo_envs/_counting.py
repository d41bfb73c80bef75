"""Counting: the larger the number in the prompt, the longer the answer."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from ._arrays import AnyArray, namespace
from ._draws import Draws
from ._names import check_name
from ._numpy_checks import check_count
from ._token_checks import check_sizes
from ._unique_answers import ANSWER_REWARDS, AbstractUniqueAnswerTask


@dataclasses.dataclass(frozen=True)
class CountingTask(AbstractUniqueAnswerTask):
    """Count from 1 to the number in the prompt, then end: the answer grows with the number.

    A prompt is a uniform number `n` in `1 .. limit`. All numbers are written in base `base` with as many
    digits as `limit`, highest first, with leading zeros: with base 10 and limit 12, the prompt `0 3` asks for
    `0 1 0 2 0 3` and the end token, which is `base`. With `d` digits the answer has `d n + 1` tokens, and
    `horizon = d limit + 1`.

    **Arguments:**

    - `reward`: `"terminal"` pays 1 for the right answer. `"graded"` pays
        `(right tokens / max(length of the answer, length of the right answer))^2`, so missing and extra
        tokens count as wrong. An answer that never ends is wrong and has `horizon` tokens.
    - `limit`: the largest number, at least 1.
    - `base`: at least 2; tokens are the digits `0 .. base - 1` and the end token.

    **Raises:** `ValueError` if the reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = CountingTask("terminal", limit=4)
    >>> task.answer(np.array([[3], [1]])).tolist()
    [[1, 2, 3, 10, 10], [1, 10, 10, 10, 10]]
    >>> CountingTask("terminal", limit=3, base=2).answer(np.array([1, 0])).tolist()
    [0, 1, 1, 0, 2, 2, 2]

    Source: ours.
    """

    reward: str
    limit: int
    base: int = 10

    def __post_init__(self) -> None:
        check_name("reward", self.reward, ANSWER_REWARDS)
        check_count("limit", self.limit, 1)
        check_count("base", self.base, 2)
        check_sizes(self.horizon, self.vocab_size)

    @property
    def prompt_length(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The digits of a number."""
        digits = 1
        while self.base**digits <= self.limit:
            digits += 1
        return digits

    @property
    def horizon(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The maximum number of tokens in an answer: all numbers up to `limit`, and the end token."""
        return self.prompt_length * self.limit + 1

    @property
    def vocab_size(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The digits and the end token: `base + 1`."""
        return self.base + 1

    @property
    def _places(self) -> Any:
        return np.int32(self.base) ** np.arange(self.prompt_length, dtype=np.int32)[::-1]

    def draw(self, draws: Draws, batch: int) -> Int[AnyArray, "b p"]:
        """Draw `batch` prompts."""
        return draws.integers(1, self.limit + 1, (batch, 1)) // self._places % self.base

    def answer(self, prompts: Integer[AnyArray, "*b p"]) -> Int[AnyArray, "*b h"]:
        """The right answer to every prompt, padded with end tokens."""
        numbers = (prompts * self._places.astype(prompts.dtype)).sum(axis=-1, keepdims=True)
        digits = self.prompt_length
        counted = np.arange(digits * self.limit) // digits + 1
        counted = counted // np.tile(self._places, self.limit) % self.base
        every: Any = np.append(counted, self.base).astype(prompts.dtype)  # the answer to `limit`
        exists = np.arange(self.horizon) < digits * numbers
        return namespace(prompts).where(exists, every, every[-1])

    @property
    def right_lengths(self) -> dict[int, float]:
        """The probability of each length of the right answer, including its end token."""
        return {self.prompt_length * number + 1: 1 / self.limit for number in range(1, self.limit + 1)}
