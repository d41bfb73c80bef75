"""The suite: tasks under stable ids."""

import difflib
import functools
import types
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ._answer_table import answer_rows
from ._names import check_name
from ._suite_table import TAGS, Row, rows

if TYPE_CHECKING:
    from ._answer_base import AbstractAnswerTask
    from ._bandits import AbstractBandit
    from ._numpy_answers import NumpyAnswerTask
    from ._numpy_bandit import NumpyBandit

Split = Literal["train", "test"]
SPLITS = ("train", "test")


@functools.cache
def suite() -> Mapping[str, Row]:
    """Every row of the suite by its id."""
    return types.MappingProxyType({row.id: row for row in (*rows(), *answer_rows())})


def list_tasks(
    tags: str | Iterable[str] = (), *, family: str | None = None, max_difficulty: int = 5
) -> list[str]:
    """The ids of the suite, by family and size.

    Args:
        tags: one tag, or several tags that a task must all have; `tpo_envs.TAGS` describes them.
        family: one kind of task, such as "tokens", "countdown" or "bandit".
        max_difficulty: the highest difficulty, 1 to 5.

    Returns:
        Ids for `make`.

    Raises:
        ValueError: if a tag or the family is unknown; the message has the closest match.

    Example:
        >>> from tpo_envs import list_tasks
        >>> list_tasks("noise", max_difficulty=2)
        ['noisy-reversal-fp10-fn0-h4-v2', 'noisy-reversal-fp0-fn10-h4-v2', 'noisy-reversal-fp10-fn10-h4-v2', \
'noisy-reversal-fp30-fn30-h4-v2']
    """
    asked = {tags} if isinstance(tags, str) else set(tags)
    for tag in asked:
        check_name("tag", tag, TAGS)
    if family is not None:
        check_name("family", family, dict.fromkeys(row.family for row in suite().values()))
    return [
        row.id
        for row in suite().values()
        if asked <= set(row.tags) and family in (None, row.family) and row.difficulty <= max_difficulty
    ]


def describe(task_id: str) -> Row:
    """The settings, tags and difficulty of a task.

    Raises:
        ValueError: if the id is unknown; the message has the closest matches.

    Example:
        >>> from tpo_envs import describe
        >>> row = describe("token-reversal-terminal-h10-v2")
        >>> dict(row.settings)
        {'target': 'reverse_copy', 'reward': 'terminal', 'horizon': 10, 'vocab_size': 2}
        >>> row.tags
        ('sparse', 'credit_assignment', 'paper')
    """
    if task_id not in suite():
        near = difflib.get_close_matches(str(task_id), suite(), n=3, cutoff=0.4)
        hint = f"; did you mean one of {', '.join(near)}" if near else ""
        raise ValueError(
            f"no task has the id {task_id!r}{hint}; tpo_envs.list_tasks() has all {len(suite())}"
        )
    return suite()[task_id]


def make(task_id: str, *, split: Split = "train") -> "AbstractAnswerTask | AbstractBandit":
    """Make a task for JAX, with pure functions that can be jitted and vmapped.

    Args:
        task_id: an id of `list_tasks()`.
        split: which images to use, for a task made of images; other tasks have no splits.

    Returns:
        A task of tokens, with `prompts`, `score` and `exact_match`, or a bandit, with `sample`, `reward` and
        `all_rewards`. Token tasks also have `token_rewards` and `candidate_rewards`.

    Raises:
        ValueError: if the id is unknown; the message has the closest matches.
        ImportError: if JAX is not installed.
        DatasetError: if its images cannot be loaded.

    Example:
        >>> import jax
        >>> from tpo_envs import make
        >>> task = make("token-reversal-terminal-h10-v2")
        >>> prompts = task.prompts(jax.random.key(0), 3)
        >>> task.score(prompts, task.answer(prompts)).tolist()
        [1.0, 1.0, 1.0]
    """
    row = describe(task_id)
    check_name("split", split, SPLITS)
    try:
        import jax  # noqa: F401
    except ImportError:
        raise ImportError("tpo_envs.make needs JAX: pip install 'tpo-envs[jax]', or use make_numpy") from None
    if row.family == "bandit":
        from ._context_table import ContextTable

        contexts, arms = row.settings["contexts"], row.settings["arms"]
        return ContextTable(contexts, arms, correct=right_arms(contexts, arms), gap=row.settings["gap"])
    if row.family == "images":
        from ._classification_bandit import ClassificationBandit

        return ClassificationBandit(*_images(row.settings["dataset"], split))
    from . import _pytrees  # noqa: F401

    return token_task(row)


def make_numpy(task_id: str, *, split: Split = "train") -> "NumpyAnswerTask | NumpyBandit":
    """Make a task for NumPy arrays, with integer seeds and without JAX.

    Args:
        task_id: an id of `list_tasks()`.
        split: which images to use, for a task made of images; other tasks have no splits.

    Returns:
        A task with `sample`, `score` and `exact_match`.

    Raises:
        ValueError: if the id is unknown; the message has the closest matches.
        DatasetError: if its images cannot be loaded.

    Example:
        >>> from tpo_envs import make_numpy
        >>> task = make_numpy("token-reversal-terminal-h10-v2")
        >>> prompts = task.sample(seed=0, n=3)
        >>> task.score(prompts, task.answer(prompts)).tolist()
        [1.0, 1.0, 1.0]
    """
    row = describe(task_id)
    check_name("split", split, SPLITS)
    if row.family in ("bandit", "images"):
        from ._numpy_bandit import NumpyBandit

        if row.family == "images":
            return NumpyBandit(*_images(row.settings["dataset"], split))
        contexts, arms, gap = (row.settings[name] for name in ("contexts", "arms", "gap"))
        return NumpyBandit.table(right_arms(contexts, arms), arms, gap=gap)
    from ._numpy_answers import NumpyAnswerTask
    from ._numpy_tokens import NumpyTokenTask
    from ._token_base import AbstractTokenTask

    task = token_task(row)
    return NumpyTokenTask(task) if isinstance(task, AbstractTokenTask) else NumpyAnswerTask(task)


def token_task(row: Row) -> "AbstractAnswerTask":
    """The token task of a row, for both JAX and NumPy."""
    from ._argsort import ArgsortTask
    from ._brackets import BracketTask
    from ._coloring import ColoringTask
    from ._countdown import CountdownTask
    from ._counting import CountingTask
    from ._length_ladder import LengthLadder
    from ._multi_turn import MultiTurnTask
    from ._noisy_verifier import NoisyVerifier
    from ._tokens import TokenTask
    from ._variable_length import VariableLengthTask

    kinds = {
        "tokens": TokenTask,
        "brackets": BracketTask,
        "multi_turn": MultiTurnTask,
        "noisy_verifier": NoisyVerifier,
        "length_ladder": LengthLadder,
        "variable_length": VariableLengthTask,
        "counting": CountingTask,
        "countdown": CountdownTask,
        "coloring": ColoringTask,
        "argsort": ArgsortTask,
    }
    return kinds[row.family](**row.settings)


def right_arms(contexts: int, arms: int) -> list[int]:
    """The right arm of every context in the suite's bandits: its index modulo the number of arms."""
    return [context % arms for context in range(contexts)]


@functools.lru_cache(maxsize=4)
def _images(dataset: str, split: Split) -> tuple[Any, Any, int]:
    from ._datasets import load_dataset

    data = load_dataset(dataset)
    if split == "train":
        return data.train_images, data.train_labels, data.num_classes
    return data.test_images, data.test_labels, data.num_classes
