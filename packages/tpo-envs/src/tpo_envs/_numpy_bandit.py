"""Bandits for NumPy, with integer seeds and checked arguments."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

from ._arrays import is_integer
from ._numpy_checks import answer_stream, check_count, check_range, question_stream


class NumpyContexts(NamedTuple):
    """A batch of contexts: the policy's inputs and the right actions.

    Attributes:
        inputs: the policy's inputs: indices `[n]`, or pixels `[n, d]` in [0, 1].
        labels: the right action of each context `[n]`. Hidden from the policy.
    """

    inputs: Shaped[np.ndarray, "n ..."]
    labels: Integer[np.ndarray, " n"]


class NumpyBandit:
    """A contextual bandit for NumPy arrays, with integer seeds and checked arguments.

    `r(x, a) = 1 if a = label(x), else 1 - gap`.

    Attributes:
        all_inputs: the input of each context: indices `[c]`, or `uint8` pixels `[c, d]`.
        labels: the right action of each context `[c]`.
        num_actions: the number of actions.
        gap: reward of the right action minus that of a wrong one, in (0, 1].

    Example:
        >>> import numpy as np
        >>> from tpo_envs import make_numpy
        >>> task = make_numpy("bandit-c100-a10-gap0.1")
        >>> contexts = task.sample(seed=0, n=4)
        >>> task.score(contexts, contexts.labels).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(self, inputs: Any, labels: Any, num_actions: int, *, gap: float = 1.0):
        check_count("num_actions", num_actions, 1)
        if not 0 < gap <= 1:
            raise ValueError(f"gap must be above 0 and at most 1; got {gap}")
        check_actions(np.asarray(labels), len(inputs), num_actions, name="labels")
        # Read-only, because all bandits of a data set share its images.
        self.all_inputs = np.asarray(inputs).view()
        self.all_inputs.flags.writeable = False
        self.labels = np.array(labels, np.int32)
        self.labels.flags.writeable = False
        self.num_actions = num_actions
        self.gap = gap

    @classmethod
    def table(cls, correct: Sequence[int], num_actions: int, *, gap: float = 1.0) -> "NumpyBandit":
        """A bandit with numbered contexts, from the right arm of each."""
        return cls(np.arange(len(correct), dtype=np.int32), correct, num_actions, gap=gap)

    def __repr__(self) -> str:
        return f"NumpyBandit(contexts={len(self.labels)}, num_actions={self.num_actions}, gap={self.gap})"

    @property
    def random_score(self) -> float:
        """The expected score of uniform actions, `(1 + (A - 1) (1 - gap)) / A`."""
        return (1 + (self.num_actions - 1) * (1 - self.gap)) / self.num_actions

    @property
    def optimal_score(self) -> float:
        """The expected score of the best policy, 1."""
        return 1.0

    def sample(self, seed: int, n: int) -> NumpyContexts:
        """Draw `n` contexts, uniformly and with replacement, the same for the same seed.

        Args:
            seed: from 0.
            n: how many, at least 1.

        Returns:
            `NumpyContexts`.

        Raises:
            ValueError: if `seed` or `n` is out of range.
        """
        check_count("seed", seed, 0)
        check_count("n", n, 1)
        return self.contexts(question_stream(seed).integers(0, len(self.labels), n))

    def contexts(self, index: Integer[np.ndarray, " n"]) -> NumpyContexts:
        """The contexts with these indices."""
        chosen = self.all_inputs[index]
        if chosen.dtype == np.uint8:
            chosen = chosen.astype(np.float32) / np.float32(255)
        return NumpyContexts(chosen, self.labels[index])

    def all_contexts(self) -> NumpyContexts:
        """Every context once, in order."""
        return self.contexts(np.arange(len(self.labels)))

    def inputs(self, contexts: NumpyContexts) -> Shaped[np.ndarray, "n ..."]:
        """A copy of the policy's inputs."""
        return contexts.inputs.copy()

    def random_answers(self, seed: int, n: int) -> Integer[np.ndarray, " n"]:
        """Draw `n` uniform actions: the policy whose mean score is `random_score`."""
        return answer_stream(seed).integers(0, self.num_actions, n, np.int32)

    def answer(self, contexts: NumpyContexts) -> Integer[np.ndarray, " n"]:
        """The right action of every context."""
        return contexts.labels.copy()

    def score(
        self, contexts: NumpyContexts, actions: Integer[np.ndarray, "n *k"]
    ) -> Float[np.ndarray, "n *k"]:
        """The reward of actions: any number for each context.

        Args:
            contexts: from `sample` or `all_contexts`.
            actions: `[n, ...]`, from 0 to `num_actions - 1`.

        Returns:
            Rewards `[n, ...]`, `float64`.

        Raises:
            TypeError: if `actions` is not an integer array.
            ValueError: if its shape is wrong or an action is out of range.
        """
        return 1 - self.gap * ~self.exact_match(contexts, actions)

    def exact_match(
        self, contexts: NumpyContexts, actions: Integer[np.ndarray, "n *k"]
    ) -> Bool[np.ndarray, "n *k"]:
        """Whether actions are right; arguments as in `score`."""
        check_contexts(contexts)
        check_actions(actions, len(contexts.labels), self.num_actions)
        return contexts.labels.reshape(-1, *[1] * (actions.ndim - 1)) == actions

    def candidate_scores(self, contexts: NumpyContexts) -> Float[np.ndarray, "n a"]:
        """The reward of every action of every context."""
        right = contexts.labels[:, None] == np.arange(self.num_actions)
        return 1 - self.gap * ~right


def check_contexts(contexts: Any) -> None:
    """Check that contexts come from a bandit.

    Raises:
        TypeError: if they do not.
    """
    if not isinstance(contexts, NumpyContexts):
        raise TypeError(
            f"contexts must be NumpyContexts, from sample or all_contexts; got {type(contexts).__name__}. "
            "Inputs alone do not determine the right actions."
        )


def check_actions(actions: Any, count: int, num_actions: int, *, name: str = "actions") -> None:
    """Check that `actions` is an integer array `[count, ...]` with values in range.

    Raises:
        TypeError: if it is not an array of integers.
        ValueError: if its shape is wrong or an action is out of range.
    """
    expected = f"{name} must be integers [{count}, ...], one row for each context"
    if not isinstance(actions, np.ndarray):
        raise TypeError(f"{expected}, as a NumPy array; got {type(actions).__name__}")
    if not is_integer(actions.dtype):
        raise TypeError(f"{expected}; got dtype {actions.dtype}")
    if actions.ndim < 1 or len(actions) != count:
        raise ValueError(f"{expected}; got shape {actions.shape}")
    check_range(name, actions, num_actions)
