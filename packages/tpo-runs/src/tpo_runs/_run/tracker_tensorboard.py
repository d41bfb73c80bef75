"""TensorBoard: event files below the output directory."""

import json
import re
import shutil
from collections.abc import Mapping

from .._store import Store
from .tracker import TrackedBlock


class TensorBoardRun:
    """The event files of a block, in `OUT/tensorboard/CELL/SEEDS`."""

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


open_run = TensorBoardRun


def _file_name(text: str) -> str:
    return re.sub(r"[^\w .,=()+-]", "_", text).strip(" .") or "_"
