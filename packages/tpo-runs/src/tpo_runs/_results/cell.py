"""The metrics of a cell over seeds and steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from .._text import point_label
from .seeds import known_mean

LAST_SHARE = 0.01  # of the steps: the end of a run, over which `ExactFacts.final` is a mean
Crossing = tuple[float, tuple[float, float]]  # a step, and its interval


@dataclass(frozen=True, eq=False)
class ExactFacts:
    """What a summary knows of every step of a cell, beside curves that are means over bins.

    Args:
        metric: the metric that counts as the error.
        threshold: the error below which a seed is solved.
        final: `[s]`, the mean over the last 1% of steps.
        first_below: `[s]`, the first step below the threshold; infinite if there is none.
        highest_since: `[s]`, the highest value after that step; NaN if there is none.
        relapsed: `[s]`, whether a solved seed came back above 0.5.
        paper: `PaperNumber.name` to the values of the seeds, `[s]`, if the number has a value per seed.
        crossing: the step at which the mean over seeds is below the threshold. None if the seeds come from
            several files: the mean is then known only from the binned curves.
        paper_crossings: `PaperNumber.name` to our step, if the number is such a step; also empty then.
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


@dataclass(frozen=True, eq=False)
class CellResult:
    """One method at one grid point, trained over some seeds.

    Args:
        method: display name, for example "GRPO (no KL)".
        point: the grid point, for example `{"task.horizon": 7}`; empty without a grid.
        spec: the cell's effective config: tables `task`, `policy`, `rollout`, `objective`, `optimizer` and
            `schedule`.
        seeds: `[s]` distinct seeds.
        metrics: name to `[s, steps]`; "error", in `[0, 1]`, is always there; NaN where a probe has no value.
        provenance: versions, device, `seconds`, the wall time of the cell's training, and `diverged`: of each
            seed that diverged, the step at which it became NaN or infinite.
        bin_width: above 1 if metrics are constant over so many steps, as their mean.
        exact: what is known of every step, if the cell comes from a summary; None if it comes from a store.
        samples: answers to held-out problems: `seed`, `prompt`, `before` and `after` training, and the scores
            of both, `score_before` and `score_after`.

    Raises:
        ValueError: "error" is missing, a shape does not match, or a seed appears twice.

    >>> import numpy as np
    >>> cell = CellResult("TPO", {}, {}, np.arange(2), {"error": np.array([[0.5, 0.1], [0.5, 0.3]])}, {})
    >>> cell.steps, cell.metrics["error"].shape
    (2, (2, 2))
    """

    method: str
    point: Mapping[str, object]
    spec: Mapping[str, Any]
    seeds: Int[np.ndarray, " s"]
    metrics: Mapping[str, Float[np.ndarray, "s steps"]]
    provenance: Mapping[str, Any]
    bin_width: int = 1
    exact: ExactFacts | None = None
    samples: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        where = f"cell {self.method!r} at {point_label(self.point) or 'no grid'}"
        if "error" not in self.metrics:
            raise ValueError(f"{where}: metrics must contain 'error', got {sorted(self.metrics)}")
        if len(set(self.seeds.tolist())) != len(self.seeds):
            raise ValueError(f"{where}: seeds must be distinct, got {self.seeds.tolist()}")
        expected = (len(self.seeds), *self.metrics["error"].shape[1:])
        for name, values in self.metrics.items():
            if values.shape != expected or len(expected) != 2 or 0 in expected:
                raise ValueError(
                    f"{where}: metric {name!r} must be [seeds, steps] like 'error', "
                    f"at least [1, 1]; expected {expected}, got {values.shape}"
                )

    @property
    def steps(self) -> int:
        """The number of training steps."""
        return self.metrics["error"].shape[1]

    def metric(self, name: str) -> Float[np.ndarray, "s steps"]:
        """The values of a metric, `[s, steps]`. Raises ValueError if there is no such metric."""
        if name not in self.metrics:
            known = ", ".join(sorted(self.metrics))
            raise ValueError(f"{self.method!r} has no metric {name!r}; it has {known}")
        return self.metrics[name]


def diverged_steps(result: CellResult) -> Float[np.ndarray, " s"]:
    """The step at which each seed diverged; infinite if it did not.

    A seed has diverged if the provenance says so, or if its loss is NaN at the last step.

    >>> import numpy as np
    >>> error = {"error": np.array([[0.5, 0.1], [0.5, np.nan]])}
    >>> diverged_steps(CellResult("TPO", {}, {}, np.arange(2), error, {"diverged": {"1": 1}})).tolist()
    [inf, 1.0]
    """
    known = {str(seed): step for seed, step in result.provenance.get("diverged", {}).items()}
    steps = np.array([known.get(str(seed), math.inf) for seed in result.seeds.tolist()], dtype=np.float64)
    if (loss := result.metrics.get("loss")) is not None:
        lost = np.isnan(loss)
        steps = np.fmin(steps, np.where(lost[:, -1], lost.argmax(axis=1), math.inf))
    return steps


def final_error(
    result: CellResult, *, fraction: float = LAST_SHARE, metric: str = "error"
) -> Float[np.ndarray, " s"]:
    """The mean of a metric over the end of each seed; NaN if the seed diverged or lacks one of the values.

    `fraction`, in `[0, 1]`, is the share of the recorded steps that counts as the end: at least one step, so
    0 means the last recorded step. A step is recorded if any seed has a value at it.

    >>> import numpy as np
    >>> cell = CellResult("TPO", {}, {}, np.arange(2), {"error": np.array([[0.5, 0.1], [0.5, 0.3]])}, {})
    >>> final_error(cell).tolist()
    [0.1, 0.3]
    """
    exact = result.exact
    if exact is not None and (exact.metric, LAST_SHARE) == (metric, fraction):
        return exact.final
    final = last_values(result.metric(metric), fraction).mean(axis=1, dtype=np.float64)
    return np.where(np.isinf(diverged_steps(result)), final, np.nan)


def last_values(values: Float[np.ndarray, "s steps"], fraction: float) -> Float[np.ndarray, "s last"]:
    """The last columns of a metric: this share of the columns in which any seed has a value."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction must be in [0, 1], got {fraction}")
    recorded = values[:, ~np.isnan(values).all(axis=0)]
    if recorded.shape[1] == 0:
        # All seeds diverged at the first step, so every final value is NaN.
        recorded = values
    return recorded[:, -max(1, math.ceil(fraction * recorded.shape[1])) :]


def final_words(fraction: float) -> str:
    """The end as defined by `final_error`, in words."""
    return f"mean of the last {100 * fraction:g}% of steps" if fraction > 0 else "the last step"


def area(result: CellResult, *, metric: str = "error") -> Float[np.ndarray, " s"]:
    """The area under the curve of each seed: the mean of an error over all recorded steps, in [0, 1].

    A diverged seed counts as an error of 1 from the step at which it diverged, on binned curves from the
    start of the bin.

    >>> import numpy as np
    >>> error = np.array([[1.0, 0.5, np.nan]])
    >>> cell = CellResult("TPO", {}, {}, np.arange(1), {"error": error, "loss": error}, {})
    >>> area(cell).round(3).tolist()
    [0.833]
    """
    values, width = result.metric(metric), result.bin_width
    first_lost = np.floor(diverged_steps(result) / width) * width
    lost = np.arange(values.shape[1]) >= first_lost[:, None]
    # Other steps without a value are those at which a measure is not taken.
    filled = np.where(lost & np.isnan(values), 1.0, values)
    return known_mean(filled, axis=1)
