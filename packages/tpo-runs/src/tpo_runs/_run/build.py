"""From the tables of a cell to the objects that train it."""

from collections.abc import Callable
from typing import Any

from .._config import CONCENTRATION_EDGES, Cell, ImagesSpec
from .._learn import (
    PROBES,
    AbstractRollout,
    AbstractSampling,
    Evaluation,
    GreedyError,
    Measure,
    Objective,
    PolicyMaker,
    Surplus,
    Trainer,
)
from .failures import guarded


def build_objective(cell: Cell, custom: Callable[..., Any] | None = None) -> Objective:
    """The cell's loss with its keywords set; `custom` is the function behind a "module:function" kind."""
    return cell.objective.build(guarded(custom) if custom else None)


def build_policy(cell: Cell) -> PolicyMaker:
    """What makes the cell's initial policy from a key.

    Raises:
        ConfigError: the task's data set cannot be loaded.
    """
    return cell.policy.build(cell.task.build())


def build_trainer(cell: Cell, custom: Callable[..., Any] | None = None) -> Trainer:
    """Everything that trains a cell, except its policy."""
    rollout = cell.rollout.build(cell.task.build(), tokens=cell.objective.takes_tokens)
    objective = build_objective(cell, custom)
    return Trainer(
        rollout=rollout,
        objective=objective,
        optimizer=cell.optimizer.build(cell.schedule.steps, cell.schedule.epochs),
        epochs=cell.schedule.epochs,
        probes={name: PROBES[name] for name in cell.probes},
        evaluation=_build_evaluation(cell, rollout, objective),
        target=cell.objective.target(),
        fitted=cell.objective.fitted(),
    )


def _build_evaluation(cell: Cell, rollout: AbstractRollout, objective: Objective) -> Evaluation | None:
    if not cell.evaluation.measures:
        return None
    assert isinstance(cell.task, ImagesSpec), "only images have a test set"
    test = cell.task.build_test()
    measures: dict[str, Measure] = {"test_error": GreedyError(test)}
    if isinstance(rollout, AbstractSampling):
        measures["surplus"] = Surplus(test, rollout, objective, CONCENTRATION_EDGES)
    return Evaluation(tuple(measures[name] for name in cell.evaluation.measures), cell.evaluation.every)
