"""What an experiment tracker is: something that logs the values of steps of one block of seeds."""

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from .._config import TRACKERS
from .._errors import ConfigError


class TrackedBlock(NamedTuple):
    """A block of seeds, which is one run of a tracker.

    Args:
        id: unique among all blocks of all runs, and the same after a resume.
        cell: the cell, such as "TPO, horizon = 7".
        seeds: the seeds, such as "seeds 0 to 3".
        config: everything its numbers depend on.
        first_step: the first step to be logged; above 0 after a resume.
        project: the project in trackers that have projects.
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
    """An open run of a tracker. If a method raises, the tracker is not used any more."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log the values of a step. Steps arrive in order."""
        ...

    def close(self) -> None:
        """Finish the run of the tracker: the block is complete, or training stops."""
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


def open_tracker(name: str, block: TrackedBlock) -> Tracker:
    """Open a run of the tracker of this name for a block."""
    return importlib.import_module(f".tracker_{name}", __package__).open_run(block)
