"""Token tasks for NumPy, with integer seeds and checked arguments."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer

from ._arrays import check_broadcast, check_tokens
from ._numpy_checks import answer_stream, check_count, check_range, question_stream
from ._token_base import AbstractTokenTask

# Bracket tasks use a table of all pairs of positions, so large batches are scored in chunks.
_CHUNK = 2**21


class NumpyTokenTask:
    """A token task for NumPy arrays, with integer seeds and checked arguments.

    Attributes:
        task: the token task.
        horizon: tokens in a prompt and in an answer.
        vocab_size: tokens are the integers `0 .. vocab_size - 1`.
        random_score: the expected score of uniform answers, in closed form.
        optimal_score: that of the best policy.

    Example:
        >>> import numpy as np
        >>> from tpo_envs import make_numpy
        >>> task = make_numpy("token-sort-sequential-h4-v4")
        >>> task.answer(np.array([[3, 0, 2, 0]])).tolist()
        [[0, 0, 2, 3]]
        >>> task.score(np.array([[3, 0, 2, 0]]), np.array([[0, 0, 3, 3]])).tolist()
        [0.5]
    """

    def __init__(self, task: AbstractTokenTask):
        self.task = task
        self.horizon = task.horizon
        self.vocab_size = task.vocab_size
        self.random_score = task.random_score
        self.optimal_score = task.optimal_score

    def __repr__(self) -> str:
        return f"NumpyTokenTask({self.task!r})"

    @property
    def num_actions(self) -> int:
        """The number of tokens to choose from."""
        return self.vocab_size

    def sample(self, seed: int, n: int) -> Integer[np.ndarray, "n h"]:
        """Draw `n` prompts, the same for the same seed.

        Args:
            seed: from 0.
            n: how many, at least 1.

        Returns:
            Tokens `[n, horizon]`, `int32`.

        Raises:
            ValueError: if `seed` or `n` is out of range.
        """
        check_count("seed", seed, 0)
        check_count("n", n, 1)
        return self.task.numpy_prompts(question_stream(seed), n)

    def inputs(self, prompts: Integer[np.ndarray, "*b h"]) -> Integer[np.ndarray, "*b h"]:
        """A copy of the policy's inputs: the prompts."""
        return prompts.copy()

    def random_answers(self, seed: int, n: int) -> Integer[np.ndarray, "n h"]:
        """Draw `n` uniform answers: the policy whose mean score is `random_score`."""
        shape = (n, self.horizon)
        return answer_stream(seed).integers(0, self.vocab_size, shape, np.int32)

    def answer(self, prompts: Integer[np.ndarray, "*b h"]) -> Integer[np.ndarray, "*b h"]:
        """A correct answer to every prompt."""
        self._check("prompts", prompts)
        return self.task.answer(prompts)

    def score(
        self, prompts: Integer[np.ndarray, "*#b h"], answers: Integer[np.ndarray, "*#b h"]
    ) -> Float[np.ndarray, "*b"]:
        """The score of every answer, in [0, 1]; leading axes broadcast.

        Args:
            prompts: tokens `[..., horizon]`.
            answers: tokens `[..., horizon]`.

        Returns:
            Scores `[...]`, `float64`.

        Raises:
            TypeError: if an argument is not an integer array.
            ValueError: if a shape is wrong, a token is out of range, or the task's rewards are not finite.
        """
        return self._finite(self._in_chunks(self.task.score, prompts, answers))

    def exact_match(
        self, prompts: Integer[np.ndarray, "*#b h"], answers: Integer[np.ndarray, "*#b h"]
    ) -> Bool[np.ndarray, "*b"]:
        """Whether every token of an answer is right; arguments as in `score`."""
        return self._in_chunks(self.task.exact_match, prompts, answers)

    def token_rewards(
        self, prompts: Integer[np.ndarray, "*#b h"], answers: Integer[np.ndarray, "*#b h"]
    ) -> Float[np.ndarray, "*b h"]:
        """The reward of every token; arguments as in `score`."""
        return self._finite(self._in_chunks(self.task.token_rewards, prompts, answers))

    def candidate_scores(
        self,
        prompts: Integer[np.ndarray, "*b h"],
        behaviour: Integer[np.ndarray, "*b h"],
        candidates: Integer[np.ndarray, "*b h k"],
    ) -> Float[np.ndarray, "*b h k"]:
        """The reward of each candidate token after the prefix of `behaviour` at its position.

        Raises:
            ValueError: if the reward scores complete answers.
        """
        self._check("prompts", prompts)
        self._check("behaviour", behaviour)
        check_range("candidates", candidates, self.vocab_size)
        return self.task.candidate_rewards(prompts, behaviour, candidates)

    def _check(self, name: str, tokens: Any) -> None:
        check_tokens(name, tokens, self.horizon)
        check_range(name, tokens, self.vocab_size)

    def _finite(self, rewards: Any) -> Any:
        finite = np.isfinite(rewards)
        if not finite.all():
            place = tuple(int(i) for i in np.argwhere(~finite)[0])
            raise ValueError(
                f"{self.task!r} pays {rewards[place]} for the answer at {list(place)}; rewards must be finite"
            )
        return rewards

    def _in_chunks(self, compute: Any, prompts: Any, answers: Any) -> Any:
        self._check("prompts", prompts)
        self._check("answers", answers)
        check_broadcast(prompts=prompts.shape, answers=answers.shape)
        rows = max(1, _CHUNK // (2 * self.horizon) ** 2)
        if prompts.ndim != 2 or prompts.shape != answers.shape or len(prompts) <= rows:
            return np.asarray(compute(prompts, answers))
        starts = range(0, len(prompts), rows)
        return np.concatenate([compute(prompts[i : i + rows], answers[i : i + rows]) for i in starts])
