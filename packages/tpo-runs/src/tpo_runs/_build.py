"""From the tables of a cell to the objects that train it: the one place where a kind becomes an object."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from jaxtyping import PRNGKeyArray, PyTree

import tpo_models
import tpo_objectives

from ._bandit_baselines import bandit_baseline
from ._bandit_rollouts import AbstractSampling, AllActions, ExactGroup, ExactSamples, SampledActions
from ._baselines import BASELINES
from ._cells import Cell
from ._measures import GreedyError, Surplus
from ._observation import Evaluation, Measure
from ._optimizers import adam, muon, unit_norm
from ._own_objective import guarded
from ._probes import PROBES
from ._protocols import Objective
from ._rollout import AbstractRollout
from ._specs_task import TOKEN_KINDS
from ._tasks import TASKS, image_bandits, policy_sizes
from ._token_rollouts import SequenceGroup, Single, TokenGroup
from ._trainer import Trainer

POLICIES: dict[str, Callable[..., Any]] = {
    "transformer": tpo_models.CausalTransformer,
    "mlp": tpo_models.MLP,
    "logit_table": tpo_models.LogitTable,
}
OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "muon": muon,
    "adam": adam,
    "unit_norm": unit_norm,
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
    "token_group": TokenGroup,
    "sampled_actions": SampledActions,
    "all_actions": AllActions,
    "exact_group": ExactGroup,
    "exact_samples": ExactSamples,
}


def settings(spec: Any) -> dict[str, Any]:
    """The keywords that a table gives to what its kind names."""
    return spec.model_dump(exclude={"kind"})


def build_objective(cell: Cell, custom: Callable[..., Any] | None = None) -> Objective:
    """The cell's loss with its keywords set; `custom` is the function behind a "module:function" kind."""
    function = guarded(custom) if custom else OBJECTIVES[cell.objective.kind]
    objective = functools.partial(function, **cell.objective.keywords)
    if getattr(cell.objective, "informative_only", False) is True:
        return tpo_objectives.informative_only(objective)
    return objective


def build_task(cell: Cell) -> Any:
    """What the cell's policy learns.

    Raises:
        ConfigError: its data set cannot be had.
    """
    return TASKS[cell.task.kind](**settings(cell.task))


def build_rollout(cell: Cell) -> AbstractRollout:
    """How the cell samples."""
    keywords = settings(cell.rollout)
    if "baseline" in keywords:
        find = BASELINES.__getitem__ if cell.task.kind in TOKEN_KINDS else bandit_baseline
        keywords["baseline"] = find(keywords["baseline"])
    return ROLLOUTS[cell.rollout.kind](task=build_task(cell), **keywords)


def build_trainer(cell: Cell, custom: Callable[..., Any] | None = None) -> Trainer:
    """Everything that trains a cell, except its policy."""
    rollout, objective = build_rollout(cell), build_objective(cell, custom)
    return Trainer(
        rollout=rollout,
        objective=objective,
        optimizer=OPTIMIZERS[cell.optimizer.kind](**settings(cell.optimizer)),
        epochs=cell.schedule.epochs,
        probes={name: PROBES[name] for name in cell.probes},
        evaluation=build_evaluation(cell, rollout, objective),
    )


def build_evaluation(cell: Cell, rollout: AbstractRollout, objective: Objective) -> Evaluation | None:
    """The cell's measures on its test images, if it has any."""
    if not cell.evaluation.measures:
        return None
    _, test = image_bandits(**settings(cell.task))
    measures: dict[str, Measure] = {"test_error": GreedyError(test)}
    if isinstance(rollout, AbstractSampling):
        measures["surplus"] = Surplus(test, rollout, objective)
    return Evaluation({name: measures[name] for name in cell.evaluation.measures}, cell.evaluation.every)


def build_policy(cell: Cell) -> Callable[[PRNGKeyArray], PyTree]:
    """What makes the cell's initial policy from a key."""
    arguments = {**policy_sizes(build_task(cell)), **settings(cell.policy)}
    return PolicyMaker(POLICIES[cell.policy.kind], tuple(arguments.items()))


@dataclasses.dataclass(frozen=True)
class PolicyMaker:
    """What makes a policy from a key. Equal for equal policies, so that these are compiled once."""

    kind: Callable[..., PyTree]
    arguments: tuple[tuple[str, Any], ...]

    def __call__(self, key: PRNGKeyArray) -> PyTree:
        """A policy."""
        return self.kind(**dict(self.arguments), key=key)
