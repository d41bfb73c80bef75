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
    from ._learn import AnswerGroup as AnswerGroup
    from ._learn import Batch as Batch
    from ._learn import Evaluation as Evaluation
    from ._learn import HeldOut as HeldOut
    from ._learn import Observation as Observation
    from ._learn import SequenceGroup as SequenceGroup
    from ._learn import Single as Single
    from ._learn import TextTask as TextTask
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
    from ._run import load_policy as load_policy
    from ._run import run_config as run_config
    from ._store import Store as Store

    __version__: str

# Names are imported when they are first used: a wrong config is reported without waiting for JAX.
_ROOMS = {
    "_config": ("Cell", "Config", "LoadedConfig", "effective", "expand", "load_config"),
    "_errors": ("ConfigError",),
    "_figures": ("learning_curves", "save_figure"),
    "_learn": (
        "AbstractRollout",
        "AnswerGroup",
        "Batch",
        "Evaluation",
        "HeldOut",
        "Observation",
        "SequenceGroup",
        "Single",
        "TextTask",
        "TokenGroup",
        "Trainer",
        "adam",
        "initial_state",
        "muon",
        "train",
    ),
    "_publish": ("RunSummary", "combine_summaries", "draw", "read_summary", "summarize"),
    "_results": ("CellResult",),
    "_run": ("build_objective", "build_policy", "build_trainer", "load_policy", "run_config"),
    "_store": ("Store",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> "Any":
    if name == "__version__":
        from importlib.metadata import version

        return version("tpo-runs")
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_ROOM_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOM_OF])
