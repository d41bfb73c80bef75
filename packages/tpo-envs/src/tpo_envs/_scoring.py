"""Scores of a policy or of answers: return, exact match, regret and normalized score."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

from ._arrays import is_integer
from ._intervals import Interval, interval
from ._numpy_answers import NumpyAnswerTask
from ._numpy_bandit import NumpyBandit
from ._numpy_checks import check_count, check_range
from ._suite import describe, make_numpy
from ._user_code import user_code

MEASURES = ("mean_return", "exact_match", "regret", "normalized")


@dataclasses.dataclass(frozen=True)
class Score:
    """The score of a policy on one task, each measure with a 95% interval over questions.

    Shares, such as the exact match or a return of zeros and ones, have the interval of Clopper and Pearson.
    Other returns have the same interval with an effective number of questions (Korn and Graubard). The width
    is never zero: 0 right answers of 1,000 are 0.000 [0.000, 0.004].

    Attributes:
        task: the id.
        n: how many questions were answered.
        mean_return: the mean reward of an answer.
        exact_match: the share of answers that are entirely right.
        regret: the optimal score minus the return.
        normalized: `(return - random) / (optimal - random)`: 0 for the uniform policy, 1 for the best one.
        by_question: the reward of every answer `[n]`.
        right: which answers are entirely right `[n]`.
        distinct_right: the number of different right answers among `candidates` answers to a question; None
            if not requested, or if a question of the task has only one right answer.
        distinct_by_question: the same for every question `[n]`, or None.
    """

    task: str
    n: int
    mean_return: Interval
    exact_match: Interval
    regret: Interval
    normalized: Interval
    by_question: Any = dataclasses.field(repr=False, compare=False)
    right: Any = dataclasses.field(repr=False, compare=False)
    distinct_right: Interval | None = None
    distinct_by_question: Any = dataclasses.field(default=None, repr=False, compare=False)


def evaluation_inputs(task_id: str, *, n: int = 1000, seed: int = 0) -> Shaped[np.ndarray, "n ..."]:
    """The questions that `score` uses: prompts `[n, horizon]`, contexts `[n]` or test images `[n, d]`.

    Raises:
        ValueError: if the id is unknown; the message has the closest matches.
    """
    task = make_numpy(task_id, split="test")
    return task.inputs(task.sample(seed, n))  # pyright: ignore[reportArgumentType]


def score(
    task_id: str, policy_or_answers: Any, *, n: int = 1000, seed: int = 0, candidates: int = 1
) -> Score:
    """Score a policy, or answers to the questions of `evaluation_inputs`.

    Args:
        task_id: an id of `list_tasks()`.
        policy_or_answers: a function from inputs `[n, ...]` to answers `[n, horizon]` (actions `[n]` for a
            bandit), or the answers themselves, as anything that NumPy converts to an array of integers.
        n: the number of questions; must equal the number of answers.
        seed: selects the questions; answers must belong to the questions of this seed.
        candidates: if above 1, and if several answers to a question can be right, a policy also gives this
            many answers to each question, from the repeated questions `[n * candidates, ...]`, and
            `distinct_right` counts the different right answers. Other measures do not change.

    Returns:
        `Score`.

    Raises:
        ValueError: if the id is unknown, or answers have a wrong shape or range.
        TypeError: if answers are not integers.
        RuntimeError: if the policy calls `sys.exit`. Its other errors get a note with the task.

    Example:
        >>> from tpo_envs import score
        >>> result = score("token-reversal-bag-h4-v2", lambda prompts: prompts[:, ::-1])
        >>> result.mean_return.mean, result.exact_match.mean, result.regret.mean, result.normalized.mean
        (1.0, 1.0, 0.0, 1.0)
    """
    check_count("candidates", candidates, 1)
    task = make_numpy(task_id, split="test")
    questions: Any = task.sample(seed, n)
    answers = _answers(task_id, task, policy_or_answers, questions)
    paid, right = task.score(questions, answers), task.exact_match(questions, answers)
    measures: dict[str, Any] = {**summarize(task, paid[None], right[None])}
    if candidates > 1 and callable(policy_or_answers) and "many_right" in describe(task_id).tags:
        found = _distinct(task_id, task, policy_or_answers, questions, candidates)
        measures |= {"distinct_right": count_interval(found[None], candidates), "distinct_by_question": found}
    return Score(task_id, n, **measures, by_question=paid, right=right)


def count_interval(counts: Integer[np.ndarray, "s n"], most: int) -> Interval:
    """The mean of counts of at most `most`, by seed and question."""
    return interval(counts / most).mapped(lambda share: most * share)


def _answers(task_id: str, task: Any, policy_or_answers: Any, questions: Any) -> Any:
    n, answers = len(task.inputs(questions)), policy_or_answers
    if callable(policy_or_answers):
        with user_code(f"the policy on task {task_id!r}", f"a policy returns {_expected(task, n)}"):
            answers = policy_or_answers(task.inputs(questions))
    return checked_answers(task_id, task, answers, n)


def _distinct(task_id: str, task: Any, policy: Any, questions: Any, candidates: int) -> Any:
    answers = _answers(task_id, task, policy, np.repeat(questions, candidates, axis=0))
    return task.distinct_right(questions, answers.reshape(len(questions), candidates, -1))


def summarize(
    task: NumpyAnswerTask | NumpyBandit, paid: Float[np.ndarray, "s n"], right: Bool[np.ndarray, "s n"]
) -> dict[str, Interval]:
    """Every measure, from the reward and correctness of every answer by seed."""
    returns = interval(paid, 1 - task.gap if isinstance(task, NumpyBandit) else 0.0)
    spread = task.optimal_score - task.random_score
    return {
        "mean_return": returns,
        "exact_match": interval(right),
        "regret": returns.mapped(lambda x: task.optimal_score - x),
        "normalized": returns.mapped(lambda x: (x - task.random_score) / spread),
    }


def _expected(task: NumpyAnswerTask | NumpyBandit, n: int) -> str:
    shape = f"[{n}]" if isinstance(task, NumpyBandit) else f"[{n}, {task.horizon}]"
    return f"integers {shape} from 0 to {task.num_actions - 1}, one answer to each question"


def checked_answers(task_id: str, task: NumpyAnswerTask | NumpyBandit, given: Any, n: int) -> Any:
    """Check answers and return them as a new array.

    Raises:
        TypeError: if they are not an array of integers.
        ValueError: if their number or shape is wrong or a value is out of range.
    """
    expected = f"{task_id}: answers must be {_expected(task, n)}"
    try:
        answers = np.array(given)
    except Exception as error:
        raise TypeError(f"{expected}; got {type(given).__name__}, which is not an array: {error}") from error
    if not is_integer(answers.dtype):
        raise TypeError(f"{expected}; got dtype {answers.dtype} of {type(given).__name__}")
    if answers.shape != ((n,) if isinstance(task, NumpyBandit) else (n, task.horizon)):
        raise ValueError(f"{expected}; got shape {answers.shape}")
    check_range(f"{task_id}: answers", answers, task.num_actions)
    return answers
