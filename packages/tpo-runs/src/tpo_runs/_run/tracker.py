"""Experiment trackers. Each block of seeds is one of their runs."""

import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .._store import Store


class TrackedBlock(NamedTuple):
    """A block of seeds."""

    id: str  # stays the same when the run is resumed
    cell: str  # its label, such as "TPO, horizon = 7"
    seeds: str  # such as "seeds 0 to 3"
    config: Mapping[str, Any]  # all settings that its results depend on
    first_step: int  # to log; above 0 if the run is resumed
    project: str
    out: Path


class Tracker(NamedTuple):
    """An open run of a tracker, with functions that log the values of the next step, and finish the run.

    A tracker that raises an error is dropped.
    """

    log: Callable[[int, Mapping[str, float]], object]
    close: Callable[[], object]


def open_tracker(name: str, block: TrackedBlock) -> Tracker:
    """Open a run of a tracker for a block."""
    return {"tensorboard": _tensorboard, "trackio": _trackio, "wandb": _wandb}[name](block)


def _tensorboard(block: TrackedBlock) -> Tracker:
    """Event files in `OUT/tensorboard/CELL/SEEDS`."""
    from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

    directory = Store(block.out).tensorboard / _file_name(block.cell) / _file_name(block.seeds)
    if block.first_step == 0:
        # The files of an earlier training of this block.
        shutil.rmtree(directory, ignore_errors=True)
    # TensorBoard ignores what earlier files log from this step on.
    writer = SummaryWriter(str(directory), purge_step=block.first_step or None)
    if block.first_step == 0:
        config = json.dumps(block.config, indent=2)
        writer.add_text("config", "    " + config.replace("\n", "\n    "))

    def log(step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return Tracker(log, writer.close)


def _file_name(text: str) -> str:
    return re.sub(r"[^\w .,=()+-]", "_", text).strip(" .") or "_"


def _trackio(block: TrackedBlock) -> Tracker:
    """A database on this machine, or a Space on the Hugging Face Hub. The cell is a group."""
    import trackio  # pyright: ignore[reportMissingImports]

    for name, module in list(sys.modules.items()):
        # Keep its messages out of standard output.
        if name.partition(".")[0] == "trackio":
            vars(module)["print"] = lambda *_, **__: None
    run = trackio.init(
        block.project,
        name=f"{block.cell}, {block.seeds} ({block.id})",
        group=block.cell,
        config=dict(block.config),
        resume="allow",
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )
    return Tracker(lambda step, values: run.log(dict(values), step=step), run.finish)


def _wandb(block: TrackedBlock) -> Tracker:
    """Weights & Biases, online or offline, with files in `OUT/wandb`. The cell is a group."""
    import wandb  # pyright: ignore[reportMissingImports]

    settings = wandb.setup().settings
    online = settings.mode == "online"
    if online and not settings.api_key and not wandb.api.api_key:
        # wandb would prompt for a key.
        raise RuntimeError("not logged in; run 'wandb login', or set WANDB_MODE=offline")
    run = wandb.init(
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
    return Tracker(lambda step, values: run.log(dict(values), step=step), run.finish)
