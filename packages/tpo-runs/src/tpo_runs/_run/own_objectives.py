"""A check of users' own objectives before training: each is traced on the shapes of a batch."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import equinox as eqx
import jax

from .._config import Cell, CustomSpec, LoadedConfig, resolve, search_paths
from .._errors import ConfigError
from .._learn import Trainer, reduce
from .._text import found, printable
from .build import build_policy, build_trainer
from .failures import LossesError


def check_own_objectives(loaded: LoadedConfig) -> None:
    """Refuse objectives whose losses have the wrong type or shape, before any cell is trained.

    If an objective raises an error of its own, its cell reports that later, with the traceback.

    Raises:
        ConfigError: with one line for each method.
    """
    lines = {}
    for cell in loaded.cells:
        if isinstance(cell.objective, CustomSpec) and (fault := _fault(cell, loaded.path)):
            place = f"{printable(str(loaded.path))}: method {found(cell.method)}: objective.kind"
            lines[f"{place}: {found(cell.objective.kind)}: {fault}"] = None
    if lines:
        raise ConfigError(lines)


def own_objective(cell: Cell, config: Path) -> Any:
    """The function behind a "module:function" kind; None for other kinds."""
    if not isinstance(cell.objective, CustomSpec):
        return None
    return resolve(cell.objective.kind, cell.objective.keywords, search_paths(config))


def _fault(cell: Cell, config: Path) -> str:
    """What is wrong with the losses of the cell's objective; empty if nothing is."""
    trainer = build_trainer(cell, own_objective(cell, config))
    try:
        _trace(trainer, cell)
    except LossesError as error:
        return printable(str(error))
    except Exception:
        return ""
    return ""


def _trace(trainer: Trainer, cell: Cell) -> None:
    """Call the objective on a batch without computing anything."""
    key = jax.random.key(0)

    def loss(key: Any) -> Any:
        policy = build_policy(cell)(key)
        batch, _ = trainer.rollout.draw(policy, trainer.rollout.init(policy, key), key)
        return reduce(batch.losses(trainer.objective, batch.old_logp), batch)

    # With --json, standard output is for events alone.
    with contextlib.redirect_stdout(sys.stderr):
        eqx.filter_eval_shape(loss, key)
