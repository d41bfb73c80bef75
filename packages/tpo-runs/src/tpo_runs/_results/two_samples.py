"""Whether two groups of seeds differ."""

import numpy as np
from jaxtyping import Float


def rank_test(first: Float[np.ndarray, " s"], second: Float[np.ndarray, " t"]) -> float:
    """Two-sided p-value of the Mann-Whitney test, exact for all sizes and with ties.

    It is the share of all splits of the values into groups of these two sizes whose sum of ranks is at least
    as far from its mean as the observed one. Equal values share the mean of their ranks. No distribution of
    the values is assumed.

    Source: H. B. Mann and D. R. Whitney, *On a test of whether one of two random variables is stochastically
    larger than the other*, 1947.

    Args:
        first: `[s]`, one per seed.
        second: `[t]`, one per seed.

    Returns:
        The p-value, in (0, 1].

    Raises:
        ValueError: a group is empty, or a value is NaN.

    >>> import numpy as np
    >>> rank_test(np.array([1.0, 2.0]), np.array([3.0, 4.0]))  # 2 of 6 splits
    0.3333333333333333
    """
    if not (len(first) and len(second)):
        raise ValueError("both groups need at least one value")
    ranks = _doubled_ranks(np.concatenate([first, second]))
    # The smaller group has fewer sums. Both are equally far from their means.
    size, own = min((len(first), ranks[: len(first)]), (len(second), ranks[len(first) :]), key=lambda g: g[0])
    splits = _splits_by_sum(ranks, size)
    mean = size * (len(ranks) + 1)
    far = np.abs(np.arange(len(splits)) - mean) >= abs(int(own.sum()) - mean)
    return float(splits[far].sum() / splits.sum())


def _doubled_ranks(values: Float[np.ndarray, " n"]) -> np.ndarray:
    """Twice the rank of each value, which is whole with ties, too."""
    if np.isnan(values).any():
        raise ValueError("a value is NaN")
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (2 * np.cumsum(counts) - counts + 1)[place]


def _splits_by_sum(ranks: np.ndarray, size: int) -> Float[np.ndarray, " sums"]:
    """How many subsets of `size` ranks have each sum, from 0 on."""
    splits = np.zeros((size + 1, int(ranks.sum()) + 1))
    splits[0, 0] = 1
    for rank in ranks.tolist():
        splits[1:, rank:] += splits[:-1, :-rank]
    return splits[size]
