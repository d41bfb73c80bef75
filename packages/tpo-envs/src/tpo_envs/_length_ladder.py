"""The length ladder: only the first tokens of an answer count, so only its length changes."""

import dataclasses

from jaxtyping import Bool, Float, Int, Integer

from ._arrays import AnyArray, namespace
from ._draws import AbstractDrawnTask, Draws
from ._names import check_name
from ._numpy_checks import check_count
from ._rewards import REWARDS
from ._targets import TARGETS
from ._token_checks import check_sizes
from ._unique_answers import ANSWER_REWARDS


@dataclasses.dataclass(frozen=True)
class LengthLadder(AbstractDrawnTask):
    """Answer with `horizon` tokens, the first `scored` of which are `target(prompt)`; the others are free.

    The free tokens change no score, so the probability that a random answer is right is `V^-scored` at every
    horizon. If a method learns more slowly at a longer horizon, the cause is the method: how it weights
    tokens, and the noise that free tokens add to its gradients.

    **Arguments:**

    - `horizon`: tokens in every answer, at least `scored`. No token ends an answer.
    - `vocab_size`: tokens are the integers `0 .. vocab_size - 1`, at least 2.
    - `scored`: tokens in a prompt, and tokens at the start of an answer that count; at least 1.
    - `reward`: `"terminal"` pays 1 if all scored tokens are right; `"graded"` pays the square of the share of
        scored tokens that are right.
    - `target`: the right answer as a function of the prompt, one of `tpo_envs.TARGETS`.

    **Raises:** `ValueError` if the target or reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = LengthLadder(horizon=5, vocab_size=4, scored=2)
    >>> task.answer(np.array([1, 3])).tolist()
    [3, 1, 0, 0, 0]
    >>> task.score(np.array([1, 3]), np.array([[3, 1, 2, 0, 2], [1, 3, 0, 0, 0]])).tolist()
    [1.0, 0.0]

    Source: ours.
    """

    horizon: int
    vocab_size: int = 4
    scored: int = 2
    reward: str = "terminal"
    target: str = "reverse_copy"

    @property
    def end(self) -> None:
        """No token ends an answer."""

    def __post_init__(self) -> None:
        check_name("target", self.target, TARGETS)
        check_name("reward", self.reward, ANSWER_REWARDS)
        check_sizes(self.horizon, self.vocab_size)
        check_count("scored", self.scored, 1)
        if self.scored > self.horizon:
            raise ValueError(
                f"scored is {self.scored}, but an answer has only horizon = {self.horizon} tokens"
            )

    @property
    def prompt_length(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Tokens in a prompt, one for each scored token."""
        return self.scored

    def draw(self, draws: Draws, batch: int) -> Int[AnyArray, "b p"]:
        """Draw `batch` prompts of uniform tokens."""
        return draws.integers(0, self.vocab_size, (batch, self.scored))

    def answer(self, prompts: Integer[AnyArray, "*b p"]) -> Int[AnyArray, "*b h"]:
        """A right answer to every prompt, with zeros as free tokens."""
        xp = namespace(prompts)
        right = TARGETS[self.target](prompts, self.vocab_size)
        free = xp.zeros((*prompts.shape[:-1], self.horizon - self.scored), right.dtype)
        return xp.concatenate([right, free], axis=-1)

    def exact_match(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b"]:
        """Whether all scored tokens of an answer are right."""
        return namespace(prompts, answers).all(self._correct(prompts, answers), axis=-1)

    def score(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """The score of every answer, from its scored tokens."""
        return REWARDS[self.reward].score(self._correct(prompts, answers))

    def _correct(self, prompts: AnyArray, answers: AnyArray) -> AnyArray:
        return answers[..., : self.scored] == TARGETS[self.target](prompts, self.vocab_size)

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, in closed form."""
        return REWARDS[self.reward].random_score(1 / self.vocab_size, self.scored)
