"""Scores relative to their group."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._inputs import fill, read_group, rounded
from ._masked import largest, mean, smallest
from ._options import Number, read_positive, read_share

# Scores with a standard deviation of at most this count as equal.
MIN_STD = 1e-6


def center(
    scores: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None = None
) -> tuple[Float[Array, "*b k"], Float[Array, "*b 1"]]:
    """Scores minus their group's mean, and the group's population standard deviation, both constant.

    The mean and the deviation use only the entries that exist; the other entries become 0.

    If squares overflow, both are divided by the same number. This is decided for a whole group after the
    ordinary computation, because an earlier operation on the scores could change how the compiler rounds
    them.
    """
    scores = jax.lax.stop_gradient(scores)
    best, worst = largest(scores, where), smallest(scores, where)
    # The mean of equal floats need not be that float. Offsets from the best score are exactly 0 in a constant
    # group at any level, so rounding does not look like a signal.
    offsets = scores - jnp.where(jnp.isfinite(best - worst), best, 0.5 * best + 0.5 * worst)
    # Dividing by this keeps squares, and sums of many squares, within the range of the dtype.
    large = 2.0 ** (jnp.finfo(scores.dtype).maxexp // 2 + 6)
    centered, std = _centered(offsets, where)
    scaled, scaled_std = _centered(offsets / large, where)
    ordinary = jnp.isfinite(std)
    return jnp.where(ordinary, centered, scaled), jnp.where(ordinary, std, scaled_std)


def _centered(
    offsets: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None
) -> tuple[Float[Array, "*b k"], Float[Array, "*b 1"]]:
    centered = fill(offsets - mean(offsets, where), where)
    return centered, jnp.sqrt(mean(jnp.square(centered), where))


def is_informative(std: Float[Array, "*b 1"]) -> Bool[Array, "*b 1"]:
    """Whether the scores of a group differ. NaN counts as different, so a NaN score makes the loss NaN."""
    return ~(std <= MIN_STD)


def groups_per_informative(
    informative: Bool[Array, "*g"], where: Bool[Array, "*b k"] | None, dtype: np.dtype
) -> Float[Array, ""]:
    """The number of groups with a candidate, divided by the number of informative groups (at least 1)."""
    groups = informative.size if where is None else jnp.sum(jnp.any(where, axis=-1)).astype(dtype)
    return groups / jnp.maximum(jnp.sum(informative), 1).astype(dtype)


def standardize(
    scores: Float[Array, "*b k"],
    *,
    floor: Number | None = None,
    shrinkage: Number | None = None,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b k"]:
    r"""Scores in units of their group's standard deviation.

    $$u_k = \frac{s_k - \bar s}{\sigma(s)}, \qquad u = 0 \text{ where } \sigma(s) \le 10^{-6}$$

    with the mean and the population standard deviation over the last axis. The result is a constant for
    `jax.grad`: no gradient flows into the scores.

    A group whose scores differ only slightly gets `u` as large as a group whose scores differ a lot. A floor
    $f$ or a shrinkage $w$ makes them smaller:

    $$\sigma' = \max\left(f, \sqrt{(1 - w)\, \sigma^2 + w\, \overline{\sigma^2}}\right)$$

    where $\overline{\sigma^2}$ is the mean variance of all groups of the call that hold a candidate. With a
    shrinkage, standardize a batch before you split it.

    Args:
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN. The last axis is the group.
        floor: the smallest standard deviation to divide by, above 0, in the unit of the scores.
        shrinkage: how far variances move toward their mean over the groups, from 0 to 1.
        where: `[*b, k]`, which candidates exist; all by default. The others are left out of all means and
            become 0.

    Returns:
        `[*b, k]`, without unit, with mean 0 and variance 1 in each group, or all 0 in a constant group.
        No entry exceeds `sqrt(k - 1)` in size.

    Raises:
        TypeError: the scores are integers, `where` does not hold bools, or an option is not one number.
        ValueError: the last axis holds no candidate, the shapes differ, or an option is out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import standardize
        >>> print(np.asarray(standardize(jnp.array([[0.0, 0.0, 3.0, 1.0], [0.7, 0.7, 0.7, 0.7]]))).round(2))
        [[-0.82 -0.82  1.63  0.  ]
         [ 0.    0.    0.    0.  ]]
        >>> small = jnp.array([0.01, 0.0, 0.0, 0.0])
        >>> print(np.asarray(standardize(small)).round(2), np.asarray(standardize(small, floor=0.1)).round(2))
        [ 1.73 -0.58 -0.58 -0.58] [ 0.07 -0.02 -0.02 -0.02]

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2. Section 6 names groups of low variance as an
        open question; the floor and the shrinkage are ours.
    """
    (scores,), where, dtype = read_group("standardize", where, scores=scores)
    centered, std = center(scores, where)
    informative = is_informative(std)
    unit = std
    if shrinkage is not None:
        share = read_share("standardize", "shrinkage", shrinkage, scores)
        unit = jnp.sqrt((1 - share) * jnp.square(std) + share * _mean_variance(std, where))
    if floor is not None:
        least = read_positive("standardize", "floor", floor, scores, usual="None switches the floor off.")
        unit = jnp.maximum(unit, least)
    return rounded(jnp.where(informative, centered / jnp.where(informative, unit, 1.0), 0.0), dtype)


def _mean_variance(std: Float[Array, "*b 1"], where: Bool[Array, "*b k"] | None) -> Float[Array, ""]:
    """The mean variance of the groups that hold a candidate."""
    if where is None:
        return jnp.mean(jnp.square(std))
    exists = jnp.any(where, axis=-1, keepdims=True)
    return jnp.sum(jnp.where(exists, jnp.square(std), 0.0)) / jnp.maximum(jnp.sum(exists), 1).astype(
        std.dtype
    )
