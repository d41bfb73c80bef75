"""Weights & Biases: online, or offline where `WANDB_MODE=offline` is set."""

from collections.abc import Sequence

from ._tracker import Row, TrackedBlock, TrackedRun


class WandbTracker:
    """One run for each block of seeds, in a group for each cell. Its files go to `OUT/wandb`."""

    def begin_run(self, run: TrackedRun) -> None:
        """Refuse to go on where Weights & Biases would ask for a key, at a terminal that shows a run."""
        import wandb  # pyright: ignore[reportMissingImports]

        settings = wandb.setup().settings
        if settings.mode == "online" and not settings.api_key and not wandb.api.api_key:
            raise RuntimeError("not logged in; run 'wandb login', or set WANDB_MODE=offline")
        self._tracked, self._online = run, settings.mode == "online"

    def begin_block(self, block: TrackedBlock) -> None:
        """Begin a run, or go on with it."""
        import wandb  # pyright: ignore[reportMissingImports]

        self._run = wandb.init(
            project=self._tracked.project,
            name=f"{block.cell}, {block.seeds}",
            group=block.cell,
            id=block.id,
            # An offline run cannot know of earlier ones; they become one when they are synchronised.
            resume="allow" if self._online else None,
            config={"title": self._tracked.title, **block.config},
            dir=str(self._tracked.out),
            settings=wandb.Settings(console="off", silent=True, x_disable_stats=True),
        )

    def log(self, rows: Sequence[Row]) -> None:
        """Hand the rows to the process that Weights & Biases runs beside this one."""
        for step, values in rows:
            self._run.log(dict(values), step=step)

    def end_block(self) -> None:
        """Wait until it has taken everything."""
        self._run.finish()

    def end_run(self) -> None:
        """End that process."""
        import wandb  # pyright: ignore[reportMissingImports]

        wandb.teardown()


def make() -> WandbTracker:
    """A tracker."""
    return WandbTracker()
