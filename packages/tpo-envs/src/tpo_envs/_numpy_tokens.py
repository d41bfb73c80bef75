"""Token tasks for NumPy: also the rewards of single tokens."""

import numpy as np
from jaxtyping import Float, Integer

from ._numpy_answers import NumpyAnswerTask
from ._numpy_checks import check_range
from ._token_base import AbstractTokenTask


class NumpyTokenTask(NumpyAnswerTask):
    """A token task for NumPy arrays, with integer seeds and checked arguments.

    Attributes and methods are those of `NumpyAnswerTask`, and the rewards of tokens.

    Example:
        >>> import numpy as np
        >>> from tpo_envs import make_numpy
        >>> task = make_numpy("token-sort-sequential-h4-v4")
        >>> task.answer(np.array([[3, 0, 2, 0]])).tolist()
        [[0, 0, 2, 3]]
        >>> task.score(np.array([[3, 0, 2, 0]]), np.array([[0, 0, 3, 3]])).tolist()
        [0.5]
    """

    task: AbstractTokenTask  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(self, task: AbstractTokenTask):
        super().__init__(task)

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
