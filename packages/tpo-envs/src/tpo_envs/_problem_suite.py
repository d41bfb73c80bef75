"""Text problems under stable ids."""

import functools
import importlib.util
from collections.abc import Mapping
from typing import Any

from ._few_shot_arithmetic import FewShotArithmetic
from ._gsm8k import GSM8K
from ._names import did_you_mean
from ._problems import AbstractProblems
from ._reasoning_gym import ReasoningGymProblems, reasoning_gym_names

_GYM = "reasoning-gym/"
# Terms, largest operand, operations and solved lines.
_ARITHMETIC = (
    (2, 9, "+-", 4),
    (2, 20, "+-", 4),
    (2, 99, "+-", 4),
    (3, 9, "+-", 0),
    (3, 9, "+-", 4),
    (3, 99, "+-", 4),
    (4, 9, "+-", 4),
    (2, 9, "*", 4),
    (2, 99, "*", 4),
    (3, 9, "+-*", 4),
    (4, 99, "+-*", 4),
)


@functools.cache
def arithmetic() -> Mapping[str, FewShotArithmetic]:
    """The arithmetic problems, by id."""
    return {task.id: task for task in (FewShotArithmetic(*row) for row in _ARITHMETIC)}


def list_problems() -> list[str]:
    """The ids for `make_problems`, including `reasoning-gym/NAME` if reasoning-gym is installed.

    Example:
        >>> from tpo_envs import list_problems
        >>> list_problems()[:2]
        ['arithmetic-add-sub-t2-n9-s4-v1', 'arithmetic-add-sub-t2-n20-s4-v1']
    """
    installed = importlib.util.find_spec("reasoning_gym") is not None
    return [*arithmetic(), GSM8K.id, *(_GYM + name for name in (reasoning_gym_names() if installed else ()))]


def make_problems(problems_id: str, **options: Any) -> AbstractProblems:
    r"""Make text problems.

    Args:
        problems_id: an id of `list_problems()`. Its settings never change.
        options: keywords of `ReasoningGymProblems` or `GSM8K`. Arithmetic has none; for other settings,
            construct a `FewShotArithmetic`.

    Returns:
        Problems, with `problems(split, count, seed)` and `score(problem, completion)`.

    Raises:
        ValueError: if the id is unknown (the message has the closest matches) or an option is wrong.
        ImportError: if a library is missing.
        DatasetError: if data cannot be loaded.

    Example:
        >>> from tpo_envs import make_problems
        >>> task = make_problems("arithmetic-add-sub-t2-n9-s4-v1")
        >>> problem = task.problems("train", 1)[0]
        >>> task.score(problem, f" {problem.answer}\n")
        1.0
    """
    if problems_id in arithmetic():
        if options:
            raise ValueError(
                f"{problems_id} has no options, but got {', '.join(map(repr, options))}; make a "
                "FewShotArithmetic for other settings"
            )
        return arithmetic()[problems_id]
    if problems_id == GSM8K.id:
        return GSM8K(**options)
    if problems_id.startswith(_GYM):
        return ReasoningGymProblems(problems_id.removeprefix(_GYM), **options)
    known = list_problems()
    raise ValueError(
        f"no problems have the id {problems_id!r}{did_you_mean(problems_id, known, n=3)}; "
        f"tpo_envs.list_problems() has all {len(known)}"
    )
