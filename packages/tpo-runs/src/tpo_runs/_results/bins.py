"""Curves at reduced resolution: means over bins of steps."""

import numpy as np
from jaxtyping import Float

from .curves import recorded_steps

MAX_BINS = 200


def bin_width(values: Float[np.ndarray, "s steps"]) -> int:
    """The smallest number of steps per bin with at most 200 bins and a value in each.

    >>> import numpy as np
    >>> bin_width(np.zeros((1, 1000))), bin_width(np.array([[np.nan, 0.5, np.nan, 0.1]]))
    (5, 2)
    """
    gaps = np.diff(recorded_steps(values), prepend=-1)
    return max(-(-values.shape[1] // MAX_BINS), int(gaps.max(initial=1)))


def binned_curves(values: Float[np.ndarray, "s steps"], width: int) -> Float[np.ndarray, "s bins"]:
    """The mean of every seed's values in each bin of `width` steps; the last bin may be shorter.

    Steps at which no seed has a value are ignored. A seed that lacks a value at another step of a bin is NaN.

    >>> import numpy as np
    >>> binned_curves(np.array([[1.0, 0.0, 0.5, 0.25, 0.1]]), 2).tolist()
    [[0.5, 0.375, 0.1]]
    """
    seeds, steps = values.shape
    recorded = recorded_steps(values)
    curves = np.full((seeds, -(-steps // width)), np.nan)
    for index in np.unique(recorded // width):
        columns = recorded[recorded // width == index]
        curves[:, index] = values[:, columns].mean(axis=1, dtype=np.float64)
    return curves
