"""What distinguishes methods while they learn and once they have learned: one number per method and probe."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from .cell import CellResult, group_by_point, last_values

Values: TypeAlias = Float[np.ndarray, "s steps"]
SOLVED = 0.05


def gradient_after_solving(values: Values, solved: Bool[np.ndarray, "s steps"]) -> Float[np.ndarray, " s"]:
    """The mean gradient norm of each seed once it has solved the task, as a share of that before."""
    return _mean(values, solved) / _mean(values, ~solved)


def while_learning(values: Values, solved: Bool[np.ndarray, "s steps"]) -> Float[np.ndarray, " s"]:
    """The mean of a probe over the steps before a seed has solved the task."""
    return _mean(values, ~solved)


def at_the_end(values: Values, solved: Bool[np.ndarray, "s steps"]) -> Float[np.ndarray, " s"]:
    """The mean of a probe over the last tenth of the steps."""
    del solved
    return last_values(values, 0.1).mean(axis=1, dtype=np.float64)


# The probe, what is made of it, and the words for it.
DIAGNOSTICS: dict[
    str, tuple[Callable[[Values, Bool[np.ndarray, "s steps"]], Float[np.ndarray, " s"]], str]
] = {
    "gradient_norm": (gradient_after_solving, "gradient norm once solved, share of that before"),
    "inactive_share": (while_learning, "inactive groups while learning (share)"),
    "entropy": (at_the_end, "entropy at the end (nats per token)"),
    "update_kl": (while_learning, "KL of a step while learning (nats per answer)"),
}


def diagnostics(results: Sequence[CellResult], probe: str, *, metric: str = "error") -> dict[str, float]:
    """One number of a probe for each method: the mean over points of the median over seeds.

    A seed has solved the task once its error, as a running mean over 2% of the steps, is below 5%. Seeds and
    points without a value, such as those never solved, are left out.

    Args:
        results: the cells, over the points of a grid.
        probe: a key of `DIAGNOSTICS`.
        metric: the metric that counts as the error.

    Returns:
        The numbers, by method; methods without any value are left out.
    """
    of_method: dict[str, list[float]] = {}
    for _, cells in group_by_point(results):
        for cell in cells:
            if probe in cell.metrics:
                function, _ = DIAGNOSTICS[probe]
                values = function(cell.metrics[probe], solved_since(cell.metric(metric)))
                of_method.setdefault(cell.method, []).append(float(_quietly(np.nanmedian, values)))
    means = {method: float(_quietly(np.nanmean, values)) for method, values in of_method.items()}
    return {method: mean for method, mean in means.items() if np.isfinite(mean)}


def solved_since(error: Values) -> Bool[np.ndarray, "s steps"]:
    """At which steps each seed has solved the task: from the first on at which its running mean is below 5%.

    >>> import numpy as np
    >>> solved_since(np.array([[1.0, 0.0, 0.2]])).tolist()
    [[False, True, True]]
    """
    width = max(1, round(0.02 * error.shape[1]))
    sums = np.cumsum(np.pad(np.nan_to_num(error, nan=1.0), ((0, 0), (width, 0)), constant_values=1.0), axis=1)
    running = (sums[:, width:] - sums[:, :-width]) / width
    return np.logical_or.accumulate(running < SOLVED, axis=1)


def _mean(values: Values, where: Bool[np.ndarray, "s steps"]) -> Float[np.ndarray, " s"]:
    return _quietly(np.nanmean, np.where(where, values, np.nan), axis=1)


def _quietly(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """A mean or median that is NaN, without a warning, where there is nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return function(*args, **options)
