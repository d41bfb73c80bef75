"""Scores of a policy or of answers: return, exact match, regret, and where between chance and optimum."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Shaped

from ._arrays import is_integer
from ._intervals import Interval, interval
from ._numpy_bandit import NumpyBandit
from ._numpy_checks import check_range
from ._numpy_tokens import NumpyTokenTask
from ._suite import make_numpy
from ._user_code import user_code

MEASURES = ("mean_return", "exact_match", "regret", "normalized")


@dataclasses.dataclass(frozen=True)
class Score:
    """What a policy earns on one task, each number with a 95% interval over questions.

    The interval of a share, such as the exact match or a return of zeros and ones, is that of Clopper and
    Pearson, and that of another return is the same with an effective number of questions (Korn and Graubard).
    None is without width: 0 right answers of 1,000 are 0.000 [0.000, 0.004].

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
    by_question: Any = dataclasses.field(repr=False, compare=False)
    right: Any = dataclasses.field(repr=False, compare=False)


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
        `Score`.

    Raises:
        ValueError: for an unknown id, or answers of a wrong shape or range.
        TypeError: for answers that are no integers.
        RuntimeError: for a policy that calls `sys.exit`. Its other errors get a note with the task.

    Example:
        >>> from tpo_envs import score
        >>> result = score("token-reversal-bag-h4-v2", lambda prompts: prompts[:, ::-1])
        >>> result.mean_return.mean, result.exact_match.mean, result.regret.mean, result.normalized.mean
        (1.0, 1.0, 0.0, 1.0)
    """
    task = make_numpy(task_id, split="test")
    questions: Any = task.sample(seed, n)
    answers = policy_or_answers
    if callable(policy_or_answers):
        with user_code(f"the policy on task {task_id!r}", f"a policy returns {_expected(task, n)}"):
            answers = policy_or_answers(task.inputs(questions))
    answers = checked_answers(task_id, task, answers, n)
    paid, right = task.score(questions, answers), task.exact_match(questions, answers)
    return Score(task_id, n, **summarize(task, paid[None], right[None]), by_question=paid, right=right)


def summarize(
    task: NumpyTokenTask | NumpyBandit, paid: Float[np.ndarray, "s n"], right: Bool[np.ndarray, "s n"]
) -> dict[str, Interval]:
    """Every measure, from the reward of every answer by seed and whether it is right."""
    returns = interval(paid, 1 - task.gap if isinstance(task, NumpyBandit) else 0.0)
    spread = task.optimal_score - task.random_score
    return {
        "mean_return": returns,
        "exact_match": interval(right),
        "regret": returns.mapped(lambda x: task.optimal_score - x),
        "normalized": returns.mapped(lambda x: (x - task.random_score) / spread),
    }


def _expected(task: NumpyTokenTask | NumpyBandit, n: int) -> str:
    shape = f"[{n}]" if isinstance(task, NumpyBandit) else f"[{n}, {task.horizon}]"
    return f"integers {shape} from 0 to {task.num_actions - 1}, one answer to each question"


def checked_answers(task_id: str, task: NumpyTokenTask | NumpyBandit, given: Any, n: int) -> Any:
    """Answers as the task takes them, as an array of its own.

    Raises:
        TypeError: for what is no array of integers.
        ValueError: for a wrong number, a wrong shape or a value out of range.
    """
    expected = f"{task_id}: answers must be {_expected(task, n)}"
    try:
        answers = np.array(given)
    except Exception as error:
        raise TypeError(f"{expected}; got {type(given).__name__} that is no array: {error}") from error
    if not is_integer(answers.dtype):
        raise TypeError(f"{expected}; got dtype {answers.dtype} of {type(given).__name__}")
    if answers.shape != ((n,) if isinstance(task, NumpyBandit) else (n, task.horizon)):
        raise ValueError(f"{expected}; got shape {answers.shape}")
    check_range(f"{task_id}: answers", answers, task.num_actions)
    return answers
