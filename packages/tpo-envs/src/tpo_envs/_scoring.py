"""Scores of a policy or of answers: return, exact match, regret, and where between chance and optimum."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from ._arrays import check_tokens
from ._numpy_bandit import NumpyBandit, check_actions
from ._numpy_checks import check_range
from ._numpy_tokens import NumpyTokenTask
from ._suite import make_numpy

RESAMPLES = 2000
LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclasses.dataclass(frozen=True)
class Score:
    """What a policy earns on one task, each number with a 95% bootstrap interval over questions.

    Attributes:
        task: the id.
        n: how many questions were answered.
        mean_return: the mean reward of an answer.
        exact_match: the share of answers that are right in all.
        regret: the optimal score minus the return.
        normalized: `(return - random) / (optimal - random)`: 0 for the uniform policy, 1 for the best one.
        by_question: the reward of every answer `[n]`.
        right: which answers are right in all `[n]`.
    """

    task: str
    n: int
    mean_return: Interval
    exact_match: Interval
    regret: Interval
    normalized: Interval
    by_question: Any = dataclasses.field(repr=False)
    right: Any = dataclasses.field(repr=False)


def evaluation_inputs(task_id: str, *, n: int = 1000, seed: int = 0) -> Shaped[np.ndarray, "n ..."]:
    """The questions on which `score` judges: prompts `[n, horizon]`, contexts `[n]` or test images `[n, d]`.

    Raises:
        ValueError: for an unknown id, with the nearest matches.
    """
    task = make_numpy(task_id, split="test")
    return task.inputs(task.sample(seed, n))  # pyright: ignore[reportArgumentType]


def score(task_id: str, policy_or_answers: Any, *, n: int = 1000, seed: int = 0) -> Score:
    """Score a policy, or answers to the questions of `evaluation_inputs`.

    Args:
        task_id: an id of `list_tasks()`.
        policy_or_answers: a function from inputs `[n, ...]` to answers `[n, horizon]` (actions `[n]` for a
            bandit), or such answers. Anything that NumPy takes for an array of integers.
        n: how many questions; with answers, there must be as many.
        seed: which questions; answers are to those of this seed.

    Returns:
        `Score`. Its intervals are percentiles of the means of resampled questions; they have no width when
        all questions are paid alike.

    Raises:
        ValueError: for an unknown id, or answers of a wrong shape or range.
        TypeError: for answers that are no integers.

    Example:
        >>> from tpo_envs import score
        >>> result = score("token-reversal-bag-h4-v2", lambda prompts: prompts[:, ::-1])
        >>> result.mean_return.mean, result.exact_match.mean, result.regret.mean, result.normalized.mean
        (1.0, 1.0, 0.0, 1.0)
    """
    task = make_numpy(task_id, split="test")
    questions: Any = task.sample(seed, n)
    answers = policy_or_answers(task.inputs(questions)) if callable(policy_or_answers) else policy_or_answers
    answers = checked_answers(task, np.asarray(answers), n)
    paid, right = task.score(questions, answers), task.exact_match(questions, answers)
    return summarize(task_id, task, paid, right)


def summarize(task_id: str, task: NumpyTokenTask | NumpyBandit, paid: Any, right: Any) -> Score:
    """A score from the reward of every answer and whether it is right."""
    returns = bootstrap(paid)
    spread = task.optimal_score - task.random_score
    normalized = [(x - task.random_score) / spread for x in (returns.mean, returns.low, returns.high)]
    regret = [task.optimal_score - x for x in (returns.mean, returns.high, returns.low)]
    return Score(
        task_id,
        len(paid),
        mean_return=returns,
        exact_match=bootstrap(right.astype(float)),
        regret=Interval(*regret),
        normalized=Interval(*normalized),
        by_question=paid,
        right=right,
    )


def bootstrap(values: Float[np.ndarray, " n"], *, seed: int = 0) -> Interval:
    """The mean of values and a 95% interval of it: percentiles of the means of resamples."""
    rng = np.random.default_rng(seed)
    means = np.concatenate(
        [
            values[rng.integers(0, len(values), (count, len(values)))].mean(axis=1)
            for count in _pieces(RESAMPLES, max(1, 2**20 // len(values)))
        ]
    )
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(values.mean()), float(low), float(high))


def _pieces(total: int, size: int) -> list[int]:
    return [min(size, total - begun) for begun in range(0, total, size)]


def checked_answers(task: NumpyTokenTask | NumpyBandit, answers: Any, n: int) -> Any:
    """Answers as the task takes them.

    Raises:
        TypeError: for what is no array of integers.
        ValueError: for a wrong number, a wrong shape or a value out of range.
    """
    if isinstance(task, NumpyBandit):
        check_actions(answers, n, task.num_actions)
        if answers.ndim != 1:
            raise ValueError(f"there must be one action for each question, [{n}]; got shape {answers.shape}")
        return answers
    check_tokens("answers", answers, task.horizon)
    if answers.shape != (n, task.horizon):
        raise ValueError(
            f"answers must be [{n}, {task.horizon}], one to each question; got shape {answers.shape}"
        )
    check_range("answers", answers, task.vocab_size)
    return answers
