"""Whether two groups of seeds differ."""

import numpy as np
from jaxtyping import Float


def rank_test(first: Float[np.ndarray, " s"], second: Float[np.ndarray, " t"]) -> float:
    """Two-sided p-value of the Mann-Whitney test, exact for all sizes and with ties.

    It is the share of all splits of the values into groups of these two sizes whose sum of ranks is at least
    as far from its mean as the observed one. Equal values share the mean of their ranks. SciPy's exact test
    assumes that there are no ties.

    Source: H. B. Mann and D. R. Whitney, *On a test of whether one of two random variables is stochastically
    larger than the other*, 1947.

    Raises:
        ValueError: a group is empty, or a value is NaN.

    >>> import numpy as np
    >>> rank_test(np.array([1.0, 2.0]), np.array([3.0, 4.0]))  # 2 of 6 splits
    0.3333333333333333
    """
    # Imported late, because few commands need it.
    from scipy import stats

    values = np.concatenate([first, second])
    if not (len(first) and len(second)) or np.isnan(values).any():
        raise ValueError("both groups need at least one value, and none may be NaN")
    # Twice the ranks are whole numbers even with ties.
    ranks = (2 * stats.rankdata(values)).astype(int)
    # The smaller group has fewer sums. Both are equally far from their means.
    size, own = min((len(first), ranks[: len(first)]), (len(second), ranks[len(first) :]), key=lambda g: g[0])
    # How many subsets of each size have each sum of ranks.
    splits = np.zeros((size + 1, int(ranks.sum()) + 1))
    splits[0, 0] = 1
    for rank in ranks.tolist():
        splits[1:, rank:] += splits[:-1, :-rank]
    mean = size * (len(ranks) + 1)
    far = np.abs(np.arange(splits.shape[1]) - mean) >= abs(int(own.sum()) - mean)
    return float(splits[size, far].sum() / splits[size].sum())
