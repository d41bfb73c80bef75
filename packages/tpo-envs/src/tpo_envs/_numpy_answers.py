"""Tasks whose answers have lengths for NumPy, with integer seeds and checked arguments."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from ._answer_base import AbstractAnswerTask
from ._arrays import check_broadcast, check_tokens
from ._numpy_checks import answer_stream, check_count, check_range, question_stream

# Bracket tasks use a table of all pairs of positions, so large batches are scored in chunks.
_CHUNK = 2**21


class NumpyAnswerTask:
    """A task of prompts and answers for NumPy arrays, with integer seeds and checked arguments.

    Attributes:
        task: the task.
        prompt_length: tokens in a prompt.
        horizon: the maximum number of tokens in an answer.
        vocab_size: tokens are the integers `0 .. vocab_size - 1`.
        end: the token that ends an answer, or None if every answer has `horizon` tokens.
        random_score: the expected score of uniform answers.
        optimal_score: that of the best policy.

    Example:
        >>> import numpy as np
        >>> from tpo_envs import make_numpy
        >>> task = make_numpy("counting-terminal-h5-v11")
        >>> task.answer(np.array([[3]])).tolist()
        [[1, 2, 3, 10, 10]]
        >>> task.score(np.array([[3]]), np.array([[1, 2, 10, 10, 10]])).tolist()
        [0.0]
    """

    task: AbstractAnswerTask

    def __init__(self, task: AbstractAnswerTask):
        self.task = task
        self.prompt_length = task.prompt_length
        self.horizon = task.horizon
        self.vocab_size = task.vocab_size
        self.end = task.end
        self.random_score = task.random_score
        self.optimal_score = task.optimal_score

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.task!r})"

    @property
    def num_actions(self) -> int:
        """The number of tokens to choose from."""
        return self.vocab_size

    def sample(self, seed: int, n: int) -> Integer[np.ndarray, "n p"]:
        """Draw `n` prompts, the same for the same seed.

        Args:
            seed: from 0.
            n: how many, at least 1.

        Returns:
            Tokens `[n, prompt_length]`, `int32`.

        Raises:
            ValueError: if `seed` or `n` is out of range.
        """
        check_count("seed", seed, 0)
        check_count("n", n, 1)
        return self.task.numpy_prompts(question_stream(seed), n)

    def inputs(self, prompts: Integer[np.ndarray, "*b p"]) -> Integer[np.ndarray, "*b p"]:
        """A copy of the policy's inputs: the prompts."""
        return prompts.copy()

    def random_answers(self, seed: int, n: int) -> Integer[np.ndarray, "n h"]:
        """Draw `n` uniform answers: the policy whose mean score is `random_score`."""
        shape = (n, self.horizon)
        return answer_stream(seed).integers(0, self.vocab_size, shape, np.int32)

    def answer(self, prompts: Integer[np.ndarray, "*b p"]) -> Integer[np.ndarray, "*b h"]:
        """A correct answer to every prompt."""
        self._check("prompts", prompts)
        return self.task.answer(prompts)

    def mask(self, answers: Integer[np.ndarray, "*b h"]) -> Bool[np.ndarray, "*b h"]:
        """Which tokens of the answers exist: all tokens up to and including the first end token."""
        self._check("answers", answers)
        return self.task.mask(answers)

    def lengths(self, answers: Integer[np.ndarray, "*b h"]) -> Int[np.ndarray, "*b"]:
        """The number of tokens of every answer, including its end token."""
        self._check("answers", answers)
        return np.asarray(self.task.lengths(answers))

    def score(
        self, prompts: Integer[np.ndarray, "*#b p"], answers: Integer[np.ndarray, "*#b h"]
    ) -> Float[np.ndarray, "*b"]:
        """The score of every answer, in [0, 1]; leading axes broadcast.

        Args:
            prompts: tokens `[..., prompt_length]`.
            answers: tokens `[..., horizon]`.

        Returns:
            Scores `[...]`, `float64`.

        Raises:
            TypeError: if an argument is not an integer array.
            ValueError: if a shape is wrong, a token is out of range, or the task's rewards are not finite.
        """
        return self._finite(self._in_chunks(self.task.score, prompts, answers))

    def exact_match(
        self, prompts: Integer[np.ndarray, "*#b p"], answers: Integer[np.ndarray, "*#b h"]
    ) -> Bool[np.ndarray, "*b"]:
        """Whether an answer is entirely right; arguments as in `score`."""
        return self._in_chunks(self.task.exact_match, prompts, answers)

    def distinct_right(
        self, prompts: Integer[np.ndarray, "*b p"], answers: Integer[np.ndarray, "*b k h"]
    ) -> Int[np.ndarray, "*b"]:
        """The number of different right answers among `k` answers to each prompt."""
        self._check("prompts", prompts)
        self._check("answers", answers)
        return np.asarray(self.task.distinct_right(prompts, answers))

    def _check(self, name: str, tokens: Any) -> None:
        check_tokens(name, tokens, self.prompt_length if name == "prompts" else self.horizon)
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
        if prompts.ndim != 2 or prompts.shape[:-1] != answers.shape[:-1] or len(prompts) <= rows:
            return np.asarray(compute(prompts, answers))
        starts = range(0, len(prompts), rows)
        return np.concatenate([compute(prompts[i : i + rows], answers[i : i + rows]) for i in starts])
