"""What a tracker is: a protocol of six calls, and one place where a name becomes one."""

import importlib
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ._config_error import ConfigError
from ._specs_tracking import TRACKERS

Row = tuple[int, Mapping[str, float]]


@dataclass(frozen=True)
class TrackedRun:
    """A run.

    Args:
        title: heading of its figures.
        project: the project that it belongs to.
        out: where its results are.
        config: the config as it took effect, of what JSON can hold.
    """

    title: str
    project: str
    out: Path
    config: Mapping[str, Any]


@dataclass(frozen=True)
class TrackedBlock:
    """A block of seeds of one cell; a run of its own for most trackers.

    Args:
        id: a name that no other block of any run has, and that stays when it is resumed.
        cell: the cell in words, as in "TPO, horizon = 7".
        seeds: the seeds in words, as in "seeds 0 to 3".
        config: everything its numbers depend on.
        first_step: where the rows that follow begin; above 0 where earlier ones were sent before.
    """

    id: str
    cell: str
    seeds: str
    config: Mapping[str, Any]
    first_step: int


@runtime_checkable
class Tracker(Protocol):
    """Told of a run in a thread of its own. If it raises, it is told no more."""

    def begin_run(self, run: TrackedRun) -> None:
        """Before all else."""
        ...

    def begin_block(self, block: TrackedBlock) -> None:
        """Rows of this block follow."""
        ...

    def log(self, rows: Sequence[Row]) -> None:
        """Steps of the block in order, each with values by name. They are kept when this returns."""
        ...

    def end_block(self) -> None:
        """No rows follow, for now: the block is complete, or the run stops."""
        ...

    def end_run(self) -> None:
        """After all else."""
        ...


def check_installed(names: Iterable[str]) -> None:
    """Refuse trackers that are not installed.

    Raises:
        ConfigError: with the command that installs each of them.
    """
    missing = [name for name in names if importlib.util.find_spec(TRACKERS[name]) is None]
    if missing:
        raise ConfigError(
            f"the tracker {name!r} is not installed; install it with: pip install 'tpo-runs[{name}]'"
            for name in missing
        )


def make_tracker(name: str) -> Tracker:
    """The tracker of this name; imports its library."""
    module = importlib.import_module(f"._tracker_{name}", __package__)
    return module.make()
