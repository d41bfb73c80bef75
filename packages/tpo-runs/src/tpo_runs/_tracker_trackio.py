"""trackio: a database on this machine, or a space of the Hugging Face Hub, as its own variables say."""

import sys
from collections.abc import Sequence

from ._tracker import Row, TrackedBlock, TrackedRun


class TrackioTracker:
    """One run for each block of seeds, in a group for each cell."""

    def begin_run(self, run: TrackedRun) -> None:
        """Nothing is sent yet."""
        self._project, self._title = run.project, run.title

    def begin_block(self, block: TrackedBlock) -> None:
        """Begin a run, or go on with it."""
        import trackio  # pyright: ignore[reportMissingImports]

        for name, module in list(sys.modules.items()):
            # It tells of itself on standard output, which belongs to the program.
            if name.partition(".")[0] == "trackio":
                vars(module)["print"] = lambda *_, **__: None
        self._run = trackio.init(
            self._project,
            name=f"{block.cell}, {block.seeds} ({block.id})",
            group=block.cell,
            config={"title": self._title, **block.config},
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log(self, rows: Sequence[Row]) -> None:
        """Hand the rows to trackio's own thread."""
        for step, values in rows:
            self._run.log(dict(values), step=step)

    def end_block(self) -> None:
        """Wait until trackio has written everything."""
        self._run.finish()

    def end_run(self) -> None:
        """All runs are finished."""


def make() -> TrackioTracker:
    """A tracker."""
    return TrackioTracker()
