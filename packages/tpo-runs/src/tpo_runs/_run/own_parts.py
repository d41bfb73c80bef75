"""A check of users' own objectives, tasks, policies and optimizers: a step is traced before training."""

import contextlib
import functools
import sys
from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax

from .._config import OWN, Cell, OwnSpec, place_of
from .._errors import ConfigError, Stopped
from .._learn import Trainer, reduce
from .._text import found, printable
from .build import build_policy, build_task, build_trainer
from .failures import LossesError, describe_error


def check_own_parts(cells: Iterable[Cell]) -> None:
    """Refuse users' own things that cannot train, before any cell is trained.

    These are tasks and policies without a method that the rollout calls, and objectives whose losses have the
    wrong type or shape. If user code raises an error, the cell fails later and reports the traceback.
    """
    lines: dict[str, None] = {}
    for cell in cells:
        if any(isinstance(getattr(cell, section), OwnSpec) for section in OWN):
            try:
                _check(cell)
            except ConfigError as error:
                lines.update(dict.fromkeys(error.lines))
    if lines:
        raise ConfigError(lines)


def _check(cell: Cell) -> None:
    task, key = build_task(cell), jax.random.key(0)
    # With --json, standard output is for events alone.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            policy = eqx.filter_eval_shape(build_policy(cell), key)
        except (ConfigError, Stopped):
            raise
        except BaseException as error:  # SystemExit and the like would end the run
            _refuse_missing(error, cell, task=task)
            raise _fault(cell, "policy", describe_error(error)) from error
        try:
            eqx.filter_eval_shape(functools.partial(_losses, build_trainer(cell)), policy, key)
        except LossesError as error:
            raise _fault(cell, "objective", str(error)) from error
        except ConfigError:
            raise
        except Exception as error:
            _refuse_missing(error, cell, task=task, policy=policy)


def _losses(trainer: Trainer, policy: Any, key: Any) -> Any:
    """The log-probs and the loss of a batch."""
    batch, _ = trainer.rollout.draw(policy, trainer.rollout.init(policy, key), key)
    logp = trainer.rollout.log_probs(policy, batch)
    return logp, reduce(batch.losses(trainer.objective, batch.old_logp), batch)


def _refuse_missing(error: BaseException, cell: Cell, **things: Any) -> None:
    """Refuse a task or a policy without an attribute, if that is the error."""
    for section, thing in things.items():
        if isinstance(error, AttributeError) and type(error.obj) is type(thing):
            text = f"has no attribute {found(error.name)}, which {_caller(cell, section)} needs"
            raise _fault(cell, section, text) from error


def _caller(cell: Cell, section: str) -> str:
    """Who uses a task or a policy, in words."""
    rollout = f"rollout.kind = {cell.rollout.kind!r}"
    return f"{rollout} or policy.kind = {cell.policy.kind!r}" if section == "task" else rollout


def _fault(cell: Cell, section: str, text: str) -> ConfigError:
    kind = found(getattr(cell, section).kind)
    return ConfigError([printable(f"{place_of(cell, section)}: {kind}: {text}")])
