"""Experiment trackers, which log the metrics of one block of seeds."""

import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from .._config import TRACKERS
from .._errors import ConfigError
from .._store import Store


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


class TensorBoardRun:
    """TensorBoard: the event files of a block, in `OUT/tensorboard/CELL/SEEDS`."""

    def __init__(self, block: TrackedBlock):
        from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

        directory = Store(block.out).tensorboard / _file_name(block.cell) / _file_name(block.seeds)
        if block.first_step == 0:
            # The files of an earlier training of this block.
            shutil.rmtree(directory, ignore_errors=True)
        # TensorBoard ignores what earlier files log from this step on.
        self._writer = SummaryWriter(str(directory), purge_step=block.first_step or None)
        if block.first_step == 0:
            config = json.dumps(block.config, indent=2)
            self._writer.add_text("config", "    " + config.replace("\n", "\n    "))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values through to the file."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        self._writer.close()


def _file_name(text: str) -> str:
    return re.sub(r"[^\w .,=()+-]", "_", text).strip(" .") or "_"


class TrackioRun:
    """trackio, which logs to a database on this machine or to a Space on the Hugging Face Hub.

    A block is a run in the group of its cell.
    """

    def __init__(self, block: TrackedBlock):
        import trackio  # pyright: ignore[reportMissingImports]

        for name, module in list(sys.modules.items()):
            # Keep its messages out of standard output.
            if name.partition(".")[0] == "trackio":
                vars(module)["print"] = lambda *_, **__: None
        self._run = trackio.init(
            block.project,
            name=f"{block.cell}, {block.seeds} ({block.id})",
            group=block.cell,
            config=dict(block.config),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Pass the values to the thread of trackio."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Wait until trackio has written everything."""
        self._run.finish()


class WandbRun:
    """Weights & Biases: online, or offline with `WANDB_MODE=offline`.

    A block is a run in the group of its cell. Its files go to `OUT/wandb`.
    """

    def __init__(self, block: TrackedBlock):
        import wandb  # pyright: ignore[reportMissingImports]

        settings = wandb.setup().settings
        online = settings.mode == "online"
        if online and not settings.api_key and not wandb.api.api_key:
            # wandb would prompt for a key.
            raise RuntimeError("not logged in; run 'wandb login', or set WANDB_MODE=offline")
        self._run = wandb.init(
            project=block.project,
            name=f"{block.cell}, {block.seeds}",
            group=block.cell,
            id=block.id,
            # Offline runs with the same id are merged when they are synchronized.
            resume="allow" if online else None,
            config=dict(block.config),
            dir=str(block.out),
            settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
        )

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Pass the values to the process of Weights & Biases."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Wait until that process has received everything."""
        self._run.finish()


_OPENERS: dict[str, Callable[[TrackedBlock], Tracker]] = {
    "tensorboard": TensorBoardRun,
    "trackio": TrackioRun,
    "wandb": WandbRun,
}


def open_tracker(name: str, block: TrackedBlock) -> Tracker:
    """Open a run of a tracker for a block."""
    return _OPENERS[name](block)
