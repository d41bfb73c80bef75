"""Table `[tracking]`: which experiment trackers are told of a run."""

from typing import Annotated

from pydantic import Field, Strict

from ._spec import Spec, names_among

# The module that each tracker needs, which is also the name of the extra but for its case.
TRACKERS = {"tensorboard": "tensorboardX", "trackio": "trackio", "wandb": "wandb"}


class TrackingSpec(Spec):
    """Experiment trackers, which follow a run. No number of the run depends on them.

    Args:
        to: "tensorboard", "trackio", "wandb"; none by default.
        project: the project in trackio and Weights & Biases.
        points: of how many steps of a block, evenly spaced, values are sent; evaluations are always sent.
        seeds: whether to send every seed, besides the mean over the block's seeds.
    """

    to: Annotated[
        tuple[str, ...], Strict(False), Field(description="a list of names"), names_among(TRACKERS, "tracker")
    ] = ()
    project: Annotated[str, Field(min_length=1, max_length=100)] = "tpo"
    points: Annotated[int, Field(ge=1, le=1_000_000)] = 500
    seeds: bool = True
