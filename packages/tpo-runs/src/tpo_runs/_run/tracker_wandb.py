"""Weights & Biases: online, or offline with `WANDB_MODE=offline`."""

from collections.abc import Mapping

from .tracker import TrackedBlock


class WandbRun:
    """A run of Weights & Biases for a block, in the group of its cell. Its files go to `OUT/wandb`."""

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


open_run = WandbRun
