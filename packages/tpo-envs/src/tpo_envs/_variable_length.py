"""Reversal and copy of prompts of different lengths."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Integer

from ._arrays import AnyArray, namespace
from ._draws import Draws
from ._names import check_name
from ._numpy_checks import check_count
from ._token_checks import check_sizes
from ._token_methods import on_tokens
from ._unique_answers import ANSWER_REWARDS, AbstractUniqueAnswerTask

VARIABLE_TARGETS = ("copy", "reverse_copy")
VARIABLE_REWARDS = (*ANSWER_REWARDS, "form")
FORM_REWARD = 0.01


@dataclasses.dataclass(frozen=True)
class VariableLengthTask(AbstractUniqueAnswerTask):
    """Copy or reverse a prompt of random length, then end the answer.

    The length of a prompt is uniform in `min_length .. max_length` and its tokens are uniform in
    `0 .. vocab_size - 2`. The token `vocab_size - 1` pads the prompt on the right and ends the answer. The
    right answer has one more token than the prompt, and `horizon = max_length + 1`.

    **Arguments:**

    - `target`: `"copy"` or `"reverse_copy"`, applied to the tokens before the padding.
    - `reward`: `"terminal"` pays 1 for the right answer. `"graded"` pays
        `(right tokens / max(length of the answer, length of the right answer))^2`, so missing and extra
        tokens count as wrong. An answer that never ends is wrong and has `horizon` tokens. `"form"` pays 1
        for the right answer, 0.01 for a wrong answer that ends and has the length of the right answer, and 0
        for any other: the scores of a group without a right answer are nearly equal.
    - `min_length`, `max_length`: tokens in a prompt, at least 1.
    - `vocab_size`: tokens, with the end token; at least 2.

    **Raises:** `ValueError` if the target or reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = VariableLengthTask("reverse_copy", "graded", min_length=1, max_length=4, vocab_size=3)
    >>> prompt = np.array([0, 1, 1, 2])
    >>> task.answer(prompt).tolist()
    [1, 1, 0, 2, 2]
    >>> task.score(prompt, np.array([[1, 1, 0, 2, 0], [1, 2, 0, 0, 0]])).tolist()
    [1.0, 0.0625]

    Source: ours.
    """

    target: str
    reward: str
    min_length: int
    max_length: int
    vocab_size: int

    def __post_init__(self) -> None:
        check_name("target", self.target, VARIABLE_TARGETS)
        check_name("reward", self.reward, VARIABLE_REWARDS)
        check_count("min_length", self.min_length, 1)
        check_count("max_length", self.max_length, None)
        if self.max_length < self.min_length:
            raise ValueError(
                f"max_length is {self.max_length}, but it must be at least min_length = {self.min_length}"
            )
        check_sizes(self.horizon, self.vocab_size)

    @property
    def prompt_length(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Tokens in a prompt, including padding: `max_length`."""
        return self.max_length

    @property
    def horizon(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The maximum number of tokens in an answer: `max_length + 1`."""
        return self.max_length + 1

    def draw(self, draws: Draws, batch: int) -> Int[AnyArray, "b p"]:
        """Draw `batch` prompts."""
        lengths = draws.integers(self.min_length, self.max_length + 1, (batch, 1))
        tokens = draws.integers(0, self.vocab_size - 1, (batch, self.max_length))
        xp = namespace(tokens)
        filling = xp.asarray(self.vocab_size - 1, tokens.dtype)
        return xp.where(np.arange(self.max_length) < lengths, tokens, filling)

    def answer(self, prompts: Integer[AnyArray, "*b p"]) -> Int[AnyArray, "*b h"]:
        """The right answer to every prompt, padded with end tokens."""
        xp = namespace(prompts)
        filling: Any = xp.full_like(prompts[..., :1], self.vocab_size - 1)
        ended = xp.concatenate([prompts, filling], axis=-1)
        if self.target == "copy":
            return ended
        lengths = (ended != self.vocab_size - 1).sum(axis=-1, keepdims=True)
        source = lengths - 1 - np.arange(self.horizon)
        return xp.take_along_axis(ended, xp.where(source < 0, self.max_length, source), axis=-1)

    @property
    def right_lengths(self) -> dict[int, float]:
        """The probability of each length of the right answer, including its end token."""
        lengths = range(self.min_length, self.max_length + 1)
        return {length + 1: 1 / len(lengths) for length in lengths}

    @on_tokens
    def score(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """The score of every answer, in [0, 1]."""
        if self.reward != "form":
            return super().score(prompts, answers)
        xp = namespace(prompts, answers)
        ended = xp.any(answers == self.end, axis=-1)
        formed = ended & (self.lengths(answers) == self.lengths(self.answer(prompts)))
        return xp.where(self.exact_match(prompts, answers), 1.0, xp.where(formed, FORM_REWARD, 0.0))

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, in closed form."""
        if self.reward != "form":
            return super().random_score
        return sum(chance * self._random_form(length) for length, chance in self.right_lengths.items())

    def _random_form(self, length: int) -> float:
        right = self._random_terminal(length)
        formed = (1 - 1 / self.vocab_size) ** (length - 1) / self.vocab_size
        return right + FORM_REWARD * (formed - right)
