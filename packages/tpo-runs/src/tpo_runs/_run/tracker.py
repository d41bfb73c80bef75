"""The interface of experiment trackers, which log the metrics of one block of seeds."""

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from .._config import TRACKERS
from .._errors import ConfigError


class TrackedBlock(NamedTuple):
    """A block of seeds. Each is a run of the tracker.

    Args:
        id: unique identifier, which stays the same when the run is resumed.
        cell: the cell, such as "TPO, horizon = 7".
        seeds: the seeds, such as "seeds 0 to 3".
        config: all settings that its results depend on.
        first_step: first step to log; above 0 if the run is resumed.
        project: project, for trackers that have projects.
        out: the output directory of the run.
    """

    id: str
    cell: str
    seeds: str
    config: Mapping[str, Any]
    first_step: int
    project: str
    out: Path


@runtime_checkable
class Tracker(Protocol):
    """An open run of a tracker. A tracker that raises is dropped."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values of a step. Steps arrive in order."""
        ...

    def close(self) -> None:
        """Finish the run of the tracker, because the block is complete or training stops."""
        ...


def check_installed(names: Iterable[str]) -> None:
    """Check that trackers are installed.

    Raises:
        ConfigError: some are not; with the command that installs each.
    """
    missing = [name for name in names if importlib.util.find_spec(TRACKERS[name]) is None]
    if missing:
        raise ConfigError(
            f"the tracker {name!r} is not installed; install it with: pip install 'tpo-runs[{name}]'"
            for name in missing
        )


def open_tracker(name: str, block: TrackedBlock) -> Tracker:
    """Open a run of a tracker for a block."""
    return importlib.import_module(f".tracker_{name}", __package__).open_run(block)
