"""The `[tracking]` table: experiment trackers that follow a run."""

from typing import Annotated

from pydantic import Field

from .spec import Names, Spec, names_among

# The module that each tracker needs.
TRACKERS = {"tensorboard": "tensorboardX", "trackio": "trackio", "wandb": "wandb"}


class TrackingSpec(Spec):
    """Experiment trackers that follow a run. Results do not depend on them.

    Args:
        to: any of "tensorboard", "trackio", and "wandb"; none by default.
        project: name of the project in trackio and Weights & Biases.
        points: number of evenly spaced steps per block to log. Evaluations are always logged.
        seeds: whether to log every seed, besides the mean over the seeds of the block.
    """

    to: Annotated[Names, names_among(TRACKERS, "tracker")] = ()
    project: Annotated[str, Field(min_length=1, max_length=100)] = "tpo"
    points: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    seeds: bool = True
