"""What distinguishes methods while they learn and once they have learned: one number per method and probe."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from .cell import CellResult, last_values
from .grid import group_by_point
from .seeds import known_mean

Values: TypeAlias = Float[np.ndarray, "s steps"]
Solved: TypeAlias = Bool[np.ndarray, "s steps"]
PerSeed: TypeAlias = Float[np.ndarray, " s"]
SOLVED = 0.05


def _mean(values: Values, where: Solved) -> PerSeed:
    return known_mean(np.where(where, values, np.nan), axis=1)


def _once_solved(values: Values, solved: Solved) -> PerSeed:
    return _mean(values, solved) / _mean(values, ~solved)


def _while_learning(values: Values, solved: Solved) -> PerSeed:
    return _mean(values, ~solved)


def _at_the_end(values: Values, _: Solved) -> PerSeed:
    return last_values(values, 0.1).mean(axis=1, dtype=np.float64)


# For each probe: how it becomes one number per seed, and the words for that number.
DIAGNOSTICS: dict[str, tuple[Callable[[Values, Solved], PerSeed], str]] = {
    "gradient_norm": (_once_solved, "gradient norm once solved, share of that before"),
    "inactive_share": (_while_learning, "inactive groups while learning (share)"),
    "entropy": (_at_the_end, "entropy at the end (nats per token)"),
    "update_kl": (_while_learning, "KL of a step while learning (nats per answer)"),
}


def diagnostics(results: Sequence[CellResult], probe: str, *, metric: str = "error") -> dict[str, float]:
    """One number of a probe for each method: the mean over points of the median over seeds.

    A seed has solved the task once its error, as a running mean over 2% of the steps, is below 5%. Seeds and
    points without a value, such as those never solved, are left out.

    Methods without any value are left out. `probe` is a key of `DIAGNOSTICS`.
    """
    function, _ = DIAGNOSTICS[probe]
    of_method: dict[str, list[float]] = {}
    for _, cells in group_by_point(results):
        for cell in cells:
            if probe in cell.metrics:
                values = function(cell.metrics[probe], solved_since(cell.metric(metric)))
                known = values[~np.isnan(values)]
                of_method.setdefault(cell.method, []).extend([float(np.median(known))] if known.size else [])
    means = {method: float(np.mean(values)) for method, values in of_method.items() if values}
    return {method: mean for method, mean in means.items() if np.isfinite(mean)}


def solved_since(error: Values) -> Solved:
    """At which steps each seed has solved the task: from the first on at which its running mean is below 5%.

    >>> import numpy as np
    >>> solved_since(np.array([[1.0, 0.0, 0.2]])).tolist()
    [[False, True, True]]
    """
    width = max(1, round(0.02 * error.shape[1]))
    sums = np.cumsum(np.pad(np.nan_to_num(error, nan=1.0), ((0, 0), (width, 0)), constant_values=1.0), axis=1)
    running = (sums[:, width:] - sums[:, :-width]) / width
    return np.logical_or.accumulate(running < SOLVED, axis=1)
