"""Rewards and random scores of tasks with one right answer per prompt, whose length differs."""

import abc

from jaxtyping import Float, Integer

from ._arrays import AnyArray, namespace
from ._draws import AbstractDrawnTask
from ._token_methods import on_tokens

ANSWER_REWARDS = ("terminal", "graded")


class AbstractUniqueAnswerTask(AbstractDrawnTask):
    """A task with one right answer to every prompt.

    The reward `"terminal"` pays 1 for the right answer and 0 for any other. `"graded"` pays the square of the
    share of tokens that are right:

        score = (right tokens / max(length of the answer, length of the right answer))^2

    The end token counts as a token, and missing and extra tokens are wrong. An answer that never ends has
    `horizon` tokens.
    """

    reward: str

    @property
    @abc.abstractmethod
    def right_lengths(self) -> dict[int, float]:
        """The probability of each length of the right answer, including its end token."""

    @on_tokens
    def score(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """The score of every answer, in [0, 1]."""
        if self.reward == "terminal":
            return super().score(prompts, answers)
        xp = namespace(prompts, answers)
        right = self.answer(prompts)
        both = self.mask(right) & self.mask(answers)
        hits = ((answers == right) & both).sum(axis=-1)
        longer = xp.maximum(self.lengths(right), self.lengths(answers))
        return (hits / longer).astype(float) ** 2

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, in closed form."""
        expected = self._random_terminal if self.reward == "terminal" else self._random_graded
        return sum(chance * expected(length) for length, chance in self.right_lengths.items())

    def _random_terminal(self, length: int) -> float:
        return self.vocab_size**-length

    def _random_graded(self, length: int) -> float:
        """The expected score of a random answer if the right one has `length` tokens."""
        goes_on = 1 - 1 / self.vocab_size
        expected = goes_on**self.horizon * self._squared_hits(length - 1) / self.horizon**2
        for ends_at in range(1, self.horizon + 1):
            hits = self._squared_hits(min(ends_at, length) - 1, ended=ends_at == length)
            chance = goes_on ** (ends_at - 1) / self.vocab_size
            expected += chance * hits / max(ends_at, length) ** 2
        return expected

    def _squared_hits(self, tokens: int, *, ended: bool = False) -> float:
        """The mean square of the right tokens among `tokens` random ones, and the end token if `ended`."""
        p = 1 / (self.vocab_size - 1)
        mean, variance = tokens * p + ended, tokens * p * (1 - p)
        return mean**2 + variance
