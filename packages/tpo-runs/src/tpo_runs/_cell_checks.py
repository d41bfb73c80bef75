"""Combinations of tables that are each valid but do not fit together."""

from collections.abc import Mapping
from typing import Any

from ._cells import Cell
from ._problems import Problem
from ._specs_objective import OBJECTIVES
from ._specs_rollout import ROLLOUTS, TokenGroupSpec
from ._specs_task import TokensSpec


def mismatches(cell: Cell) -> list[Problem]:
    """What does not fit in a cell whose tables are valid one by one."""
    return [problem for check in (_level, _dense_reward) if (problem := check(cell))]


def _level(cell: Cell) -> Problem | None:
    objective, rollout = cell.objective, cell.rollout
    if objective.level is None or objective.level == rollout.level:
        return None
    takes = {"group": "groups of candidates", "sample": "single samples"}
    rollouts = _of_level(ROLLOUTS.kinds, objective.level)
    objectives = _of_level(OBJECTIVES.kinds, rollout.level)
    text = (
        f"{rollout.kind!r} makes {takes[rollout.level]}, but objective {objective.kind!r} takes "
        f"{takes[objective.level]}; use rollout.kind = {rollouts} or objective.kind = {objectives}"
    )
    return Problem(("rollout", "kind"), text)


def _of_level(kinds: Mapping[str, Any], level: str | None) -> str:
    return " or ".join(f"'{kind}'" for kind, model in kinds.items() if model.level == level)


def _dense_reward(cell: Cell) -> Problem | None:
    if not isinstance(cell.rollout, TokenGroupSpec) or not isinstance(cell.task, TokensSpec):
        return None
    if cell.task.reward != "terminal":
        return None
    text = "'token_group' needs a reward for each token, but task.reward is 'terminal'; use 'sequence_group'"
    return Problem(("rollout", "kind"), text)
