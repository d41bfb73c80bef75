"""From the tables of a cell to the objects that train it: the one place where a kind becomes an object."""

import functools
from collections.abc import Callable
from typing import Any

from jaxtyping import PRNGKeyArray, PyTree

import tpo_envs
import tpo_models
import tpo_objectives

from ._baselines import BASELINES
from ._cells import Cell
from ._optimizers import adam, muon
from ._protocols import Objective
from ._token_rollouts import SequenceGroup, Single
from ._train import Trainer

TASKS: dict[str, Callable[..., Any]] = {
    "tokens": tpo_envs.TokenTask,
}
POLICIES: dict[str, Callable[..., Any]] = {
    "transformer": tpo_models.CausalTransformer,
}
OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "muon": muon,
    "adam": adam,
}
OBJECTIVES: dict[str, Callable[..., Any]] = {
    "tpo": tpo_objectives.tpo,
    "grpo": tpo_objectives.grpo,
    "group_pg": tpo_objectives.group_pg,
    "cross_entropy": tpo_objectives.cross_entropy,
    "ppo": tpo_objectives.ppo,
    "dg": tpo_objectives.dg,
    "reinforce": tpo_objectives.reinforce,
}
ROLLOUTS: dict[str, Callable[..., Any]] = {
    "single": Single,
    "sequence_group": SequenceGroup,
}


def settings(spec: Any) -> dict[str, Any]:
    """The keywords that a table gives to what its kind names."""
    return spec.model_dump(exclude={"kind"})


def build_objective(cell: Cell, custom: Callable[..., Any] | None = None) -> Objective:
    """The cell's loss with its keywords set; `custom` is the function behind a "module:function" kind."""
    function = custom or OBJECTIVES[cell.objective.kind]
    objective = functools.partial(function, **cell.objective.keywords)
    if getattr(cell.objective, "informative_only", False) is True:
        return tpo_objectives.informative_only(objective)
    return objective


def build_trainer(cell: Cell, custom: Callable[..., Any] | None = None) -> Trainer:
    """Everything that trains a cell, except its policy."""
    task = TASKS[cell.task.kind](**settings(cell.task))
    rollout = settings(cell.rollout)
    if "baseline" in rollout:
        rollout["baseline"] = BASELINES[rollout["baseline"]]
    return Trainer(
        rollout=ROLLOUTS[cell.rollout.kind](task=task, **rollout),
        objective=build_objective(cell, custom),
        optimizer=OPTIMIZERS[cell.optimizer.kind](**settings(cell.optimizer)),
        epochs=cell.schedule.epochs,
    )


def build_policy(cell: Cell) -> Callable[[PRNGKeyArray], PyTree]:
    """What makes the cell's initial policy from a key."""
    sizes = {"horizon": cell.task.horizon, "vocab_size": cell.task.vocab_size}
    return functools.partial(_make_policy, POLICIES[cell.policy.kind], {**sizes, **settings(cell.policy)})


def _make_policy(kind: Callable[..., PyTree], arguments: dict[str, Any], key: PRNGKeyArray) -> PyTree:
    return kind(**arguments, key=key)
