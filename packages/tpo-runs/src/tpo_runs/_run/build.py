"""Builds the objects that train a cell from its tables."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from .._config import (
    CONCENTRATION_EDGES,
    SAMPLED_ANSWERS,
    Cell,
    ImagesSpec,
    LanguageModelSpec,
    TextSpec,
    own_part,
    place_of,
)
from .._errors import ConfigError, Stopped
from .._learn import (
    PROBES,
    AbstractRollout,
    AbstractSampling,
    Evaluation,
    GreedyError,
    HeldOut,
    Measure,
    Objective,
    PolicyMaker,
    Surplus,
    TextTask,
    Trainer,
)
from .._text import found
from .failures import describe_error, guarded


def build_objective(cell: Cell) -> Objective:
    """The cell's loss with its keywords set.

    Raises:
        ConfigError: a user's own function cannot be imported.
    """
    own = own_part(cell, "objective")
    return cell.objective.build(guarded(own) if own else None)


def build_policy(cell: Cell) -> PolicyMaker:
    """The function that makes a new policy of the cell from a random key.

    Raises:
        ConfigError: the task's data set cannot be loaded, or a user's own class cannot be used.
    """
    return cell.policy.build(build_task(cell), own_part(cell, "policy"))


def build_task(cell: Cell) -> Any:
    """The cell's task; for a language model, in the tokens of its tokenizer."""
    if own := own_part(cell, "task"):
        return _made(cell, "task", lambda: own(**cell.task.keywords))
    if isinstance(cell.task, TextSpec) and isinstance(cell.policy, LanguageModelSpec):
        return cell.task.build(cell.policy.tokenizer())
    return cell.task.build()


def build_optimizer(cell: Cell) -> optax.GradientTransformation:
    """The cell's optimizer, with its schedule and clipping."""
    own, schedule = own_part(cell, "optimizer"), cell.schedule

    def checked(**keywords: Any) -> Any:
        optimizer = own(**keywords)  # pyright: ignore[reportOptionalCall]
        if not isinstance(optimizer, optax.GradientTransformation):
            raise TypeError(f"expected an optax.GradientTransformation, returned {found(optimizer)}")
        return optimizer

    def make() -> Any:
        return cell.optimizer.build(schedule.steps, schedule.epochs, checked if own else None)

    return _made(cell, "optimizer", make)


def _made(cell: Cell, section: str, make: Callable[[], Any]) -> Any:
    """Call a user's own function. Its errors are errors of the config."""
    try:
        return make()
    except (ConfigError, Stopped):
        raise
    except BaseException as error:  # SystemExit and the like would end the run
        kind = getattr(cell, section).kind
        raise ConfigError([f"{place_of(cell, section)}: {found(kind)}: {describe_error(error)}"]) from error


def build_sample_task(cell: Cell) -> TextTask | None:
    """The held-out problems whose answers are stored; None if there are none."""
    if not isinstance(cell.task, TextSpec) or not cell.evaluation.samples:
        return None
    assert isinstance(cell.policy, LanguageModelSpec), "nothing else answers in text"
    return cell.task.build_test(cell.policy.tokenizer(), cell.evaluation.samples)


def build_trainer(cell: Cell) -> Trainer:
    """Everything that trains a cell, except its policy."""
    rollout = cell.rollout.build(build_task(cell), tokens=cell.objective.takes_tokens)
    objective = build_objective(cell)
    return Trainer(
        rollout=rollout,
        objective=objective,
        optimizer=build_optimizer(cell),
        epochs=cell.schedule.epochs,
        probes={name: PROBES[name] for name in cell.probes},
        evaluation=_build_evaluation(cell, rollout, objective),
        target=cell.objective.target(),
        fitted=cell.objective.fitted(),
        trainable=trainable_of(cell),
        microbatches=cell.schedule.microbatches,
        factor=factor_of(cell),
    )


def factor_of(cell: Cell) -> jax.Array | None:
    """The factor of updates, which is an argument of the program; None for 1."""
    factor = cell.optimizer.factor
    return None if factor is None else jnp.asarray(factor)


def trainable_of(cell: Cell) -> Any:
    """The leaves that are trained: the adapters of a language model that has some, or all."""
    if not isinstance(cell.policy, LanguageModelSpec) or cell.policy.lora is None:
        return eqx.is_inexact_array
    from tpo_models import trainable_lora

    return trainable_lora(eqx.filter_eval_shape(build_policy(cell), jax.random.key(0)))


def _build_evaluation(cell: Cell, rollout: AbstractRollout, objective: Objective) -> Evaluation | None:
    if not cell.evaluation.measures:
        return None
    names, every, before = cell.evaluation.measures, cell.evaluation.every, cell.evaluation.before
    if isinstance(cell.task, TextSpec):
        assert isinstance(cell.policy, LanguageModelSpec), "nothing else answers in text"
        problems = cell.task.build_test(cell.policy.tokenizer())
        held_out = HeldOut(problems, SAMPLED_ANSWERS if "held_out_sampled" in names else 0)
        return Evaluation((held_out,), every, before)
    assert isinstance(cell.task, ImagesSpec), "only images have a test set"
    test = cell.task.build_test()
    measures: dict[str, Measure] = {"test_error": GreedyError(test)}
    if isinstance(rollout, AbstractSampling):
        measures["surplus"] = Surplus(test, rollout, objective, CONCENTRATION_EDGES)
    return Evaluation(tuple(measures[name] for name in names), every, before)
