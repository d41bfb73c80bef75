"""The metrics of a cell over seeds and steps."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from .._text import point_label
from .exact import ExactFacts
from .order import reading_order

LAST_SHARE = 0.01  # of the steps: the end of a run, which `ExactFacts.final` is the mean of


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
        bin_width: above 1 where a metric is constant over so many steps, as their mean.
        exact: what is known of every step, for a cell that comes from a summary; None for one from a store.
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
    """The final error of each seed: the mean over the last recorded values of a metric.

    Args:
        result: the cell.
        fraction: the share of the recorded steps that counts as the end, in `[0, 1]`. It is at least one
            step, so 0 means the last recorded step.
        metric: the metric. Steps at which no seed has a value are not recorded steps.

    Returns:
        `[s]`; NaN for a seed that diverged or lacks one of these values.

    Raises:
        ValueError: `fraction` is outside `[0, 1]`, or there is no such metric.

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


def axis_values(results: Iterable[CellResult], axis: str) -> list[Any]:
    """The distinct values of a grid axis: numbers in ascending order, others in order of appearance."""
    values = list(dict.fromkeys(result.point.get(axis) for result in results))
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return sorted(values) if numeric else values  # pyright: ignore[reportArgumentType, reportCallIssue]


def grid_axes(results: Sequence[CellResult], *, varying: bool = True) -> list[str]:
    """The grid axes in order of appearance; with `varying`, only those with more than one value."""
    axes = dict.fromkeys(axis for result in results for axis in result.point)
    return [axis for axis in axes if not varying or len(axis_values(results, axis)) > 1]


def group_by_point(
    results: Sequence[CellResult], axes: Sequence[str] | None = None
) -> list[tuple[dict[str, object], list[CellResult]]]:
    """The cells of each grid point, with points in grid order and methods in reading order.

    Args:
        results: the cells.
        axes: the axes that distinguish points; by default all that vary.

    Returns:
        Pairs of (point, cells).
    """
    axes = grid_axes(results) if axes is None else axes
    ranks = {axis: axis_values(results, axis) for axis in axes}
    methods = reading_order(result.method for result in results)
    groups: dict[tuple[int, ...], list[CellResult]] = {}
    for result in results:
        key = tuple(ranks[axis].index(result.point.get(axis)) for axis in axes)
        groups.setdefault(key, []).append(result)
    return [
        (
            {axis: ranks[axis][i] for axis, i in zip(axes, key, strict=True)},
            sorted(groups[key], key=lambda result: methods.index(result.method)),
        )
        for key in sorted(groups)
    ]


def on_all_axes(results: Sequence[CellResult]) -> list[CellResult]:
    """The cells with points extended to the axes of all, with missing values from the settings.

    Of equal cells, only the one with the most seeds is kept.
    """
    axes = grid_axes(results, varying=False)
    filled: dict[str, CellResult] = {}
    for result in results:
        values = {axis: result.point.get(axis, setting_at(result.spec, axis)) for axis in axes}
        point = {axis: value for axis, value in values.items() if value is not None}
        same = repr((result.method, sorted(point.items()), result.spec))
        if same not in filled or len(result.seeds) > len(filled[same].seeds):
            filled[same] = replace(result, point=point)
    return list(filled.values())


def setting_at(spec: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or None."""
    value: Any = spec
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def check_results(results: Sequence[CellResult]) -> None:
    """Check that there are results, and that method and point identify each of them.

    Raises:
        ValueError: if not.
    """
    if not results:
        raise ValueError("there are no results; train at least one cell first")
    axes = grid_axes(results)
    seen: set[tuple[object, ...]] = set()
    for result in results:
        key = (result.method, *(result.point.get(axis) for axis in axes))
        if key in seen:
            raise ValueError(
                f"two results are named {result.method!r} at {point_label(result.point) or 'no grid'}: "
                "select one of them, or give the methods different names"
            )
        seen.add(key)
