"""TensorBoard: event files below the directory of results."""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from ._tracker import Row, TrackedBlock, TrackedRun


class TensorBoardTracker:
    """One directory of event files for each block of seeds: `OUT/tensorboard/CELL/SEEDS`."""

    def begin_run(self, run: TrackedRun) -> None:
        """Nothing is written yet."""
        self._root: Path = run.out / "tensorboard"

    def begin_block(self, block: TrackedBlock) -> None:
        """Open an event file. TensorBoard forgets what an earlier one holds from `first_step` on."""
        from tensorboardX import SummaryWriter  # pyright: ignore[reportMissingImports]

        directory = self._root / _file_name(block.cell) / _file_name(block.seeds)
        if block.first_step == 0:
            # Of a block that was trained before, and is trained anew.
            shutil.rmtree(directory, ignore_errors=True)
        # Step 0 is 0 to TensorBoard, but tensorboardX takes it for none.
        self._writer = SummaryWriter(str(directory), purge_step=block.first_step or None)
        if block.first_step == 0:
            config = json.dumps(block.config, indent=2)
            self._writer.add_text("config", "    " + config.replace("\n", "\n    "))

    def log(self, rows: Sequence[Row]) -> None:
        """Write the rows through to the file."""
        for step, values in rows:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def end_block(self) -> None:
        """Close the event file."""
        self._writer.close()

    def end_run(self) -> None:
        """All files are closed."""


def make() -> TensorBoardTracker:
    """A tracker."""
    return TensorBoardTracker()


def _file_name(text: str) -> str:
    return re.sub(r"[^\w .,=()+-]", "_", text).strip(" .") or "_"
