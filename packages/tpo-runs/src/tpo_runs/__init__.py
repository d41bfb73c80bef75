"""Training, results and figures for Target Policy Optimization, driven by TOML configs."""

# As type checkers know it, without the time that `typing` takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._config import Cell as Cell
    from ._config import Config as Config
    from ._config import LoadedConfig as LoadedConfig
    from ._config import effective as effective
    from ._config import expand as expand
    from ._config import load_config as load_config
    from ._errors import ConfigError as ConfigError
    from ._figures import learning_curves as learning_curves
    from ._figures import save_figure as save_figure
    from ._learn import AbstractRollout as AbstractRollout
    from ._learn import Draw as Draw
    from ._learn import Evaluation as Evaluation
    from ._learn import Observation as Observation
    from ._learn import SequenceGroup as SequenceGroup
    from ._learn import Single as Single
    from ._learn import TokenGroup as TokenGroup
    from ._learn import Trainer as Trainer
    from ._learn import adam as adam
    from ._learn import initial_state as initial_state
    from ._learn import muon as muon
    from ._learn import train as train
    from ._publish import RunSummary as RunSummary
    from ._publish import combine_summaries as combine_summaries
    from ._publish import draw as draw
    from ._publish import read_summary as read_summary
    from ._publish import summarize as summarize
    from ._results import CellResult as CellResult
    from ._run import build_objective as build_objective
    from ._run import build_policy as build_policy
    from ._run import build_trainer as build_trainer
    from ._store import Store as Store

    __version__: str

# Names are imported when they are first used: a wrong config is reported without waiting for JAX.
_MODULE_OF = {
    "AbstractRollout": "_rollout",
    "Cell": "_cells",
    "CellResult": "_results",
    "Config": "_specs",
    "ConfigError": "_config_error",
    "Draw": "_rollout",
    "Evaluation": "_observation",
    "LoadedConfig": "_load",
    "Observation": "_observation",
    "RunSummary": "_summary_file",
    "SequenceGroup": "_token_rollouts",
    "TokenGroup": "_token_rollouts",
    "Single": "_token_rollouts",
    "Store": "_store",
    "Trainer": "_trainer",
    "adam": "_optimizers",
    "build_objective": "_build",
    "build_policy": "_build",
    "build_trainer": "_build",
    "combine_summaries": "_combine",
    "draw": "_draw",
    "effective": "_specs",
    "expand": "_expand",
    "initial_state": "_train",
    "learning_curves": "_figures",
    "load_config": "_load",
    "muon": "_optimizers",
    "read_summary": "_summary_file",
    "save_figure": "_figures",
    "summarize": "_summarize",
    "train": "_train",
}


def __getattr__(name: str) -> "Any":
    if name == "__version__":
        from importlib.metadata import version

        return version("tpo-runs")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
