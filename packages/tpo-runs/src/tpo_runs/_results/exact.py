"""Facts about every step of a cell whose curves are means over bins of steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

Crossing = tuple[float, tuple[float, float]]  # a step, and its interval


@dataclass(frozen=True, eq=False)
class ExactFacts:
    """What a summary keeps of a cell besides its curves. Published numbers go by `PaperNumber.name`.

    Args:
        metric: the metric that counts as the error.
        threshold: the error below which a seed is solved.
        final: `[s]`, the mean over the last 1% of steps.
        first_below: `[s]`, the first step below the threshold; infinite if there is none.
        highest_since: `[s]`, the highest value after that step; NaN if there is none.
        relapsed: `[s]`, whether a solved seed came back above 0.5.
        paper: for each published number that has a value per seed, these values, `[s]`.
        crossing: the step at which the mean over seeds is below the threshold. None if the seeds come from
            several files: the mean is then known only from the binned curves.
        paper_crossings: for each published number that is such a step, ours; also empty then.
    """

    metric: str
    threshold: float
    final: Float[np.ndarray, " s"]
    first_below: Float[np.ndarray, " s"]
    highest_since: Float[np.ndarray, " s"]
    relapsed: Bool[np.ndarray, " s"]
    paper: Mapping[tuple[str, ...], Float[np.ndarray, " s"]]
    crossing: Crossing | None = None
    paper_crossings: Mapping[tuple[str, ...], Crossing] = field(default_factory=dict)
