"""trackio, which logs to a database on this machine or to a Space on the Hugging Face Hub."""

import sys
from collections.abc import Mapping

from .tracker import TrackedBlock


class TrackioRun:
    """A run of trackio for a block, in the group of its cell."""

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


open_run = TrackioRun
