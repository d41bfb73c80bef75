"""Scores relative to their group."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._inputs import fill, read_group, rounded
from ._masked import largest, mean, smallest

# A group whose standard deviation is at most this tells no candidate apart.
MIN_STD = 1e-6


def center(
    scores: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None = None
) -> tuple[Float[Array, "*b k"], Float[Array, "*b 1"]]:
    """Scores minus their group's mean, and the group's population standard deviation, both constant.

    The mean and the deviation are those of the entries that exist; what does not exist is centered to 0.

    Both are divided by the same number where squares overflow. That is chosen for a whole group, after the
    ordinary computation: an operation on the single scores before could change how the compiler rounds them.
    """
    scores = jax.lax.stop_gradient(scores)
    best, worst = largest(scores, where), smallest(scores, where)
    # The mean of equal floats need not be that float. Measured from the best score, a constant group is
    # exactly 0 at any level, and rounding is not taken for a signal.
    offsets = scores - jnp.where(jnp.isfinite(best - worst), best, 0.5 * best + 0.5 * worst)
    # Squares of what is divided by this, and sums of many, stay within the dtype.
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
    """Whether a group tells its candidates apart. NaN does, so that a score that is NaN makes a loss NaN."""
    return ~(std <= MIN_STD)


def groups_per_informative(
    informative: Bool[Array, "*g"], where: Bool[Array, "*b k"] | None, dtype: np.dtype
) -> Float[Array, ""]:
    """The groups that hold a candidate, for each informative one, of which at least 1 is counted."""
    groups = informative.size if where is None else jnp.sum(jnp.any(where, axis=-1)).astype(dtype)
    return groups / jnp.maximum(jnp.sum(informative), 1).astype(dtype)


def standardize(
    scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None = None
) -> Float[Array, "*b k"]:
    r"""Scores in units of their group's standard deviation.

    $$u_k = \frac{s_k - \bar s}{\sigma(s)}, \qquad u = 0 \text{ where } \sigma(s) \le 10^{-6}$$

    with the mean and the population standard deviation over the last axis. The result is a constant for
    `jax.grad`: no gradient flows into the scores.

    Args:
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN. The last axis is the group.
        where: `[*b, k]`, which candidates exist; all by default. The others count in no mean and become 0.

    Returns:
        `[*b, k]`, without unit, with mean 0 and variance 1 in each group, or all 0 in a constant group.
        No entry exceeds `sqrt(k - 1)` in size.

    Raises:
        TypeError: the scores are integers, or `where` does not hold bools.
        ValueError: the last axis holds no candidate, or the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import standardize
        >>> print(np.asarray(standardize(jnp.array([[0.0, 0.0, 3.0, 1.0], [0.7, 0.7, 0.7, 0.7]]))).round(2))
        [[-0.82 -0.82  1.63  0.  ]
         [ 0.    0.    0.    0.  ]]

    Source:
        Target Policy Optimization, arXiv 2604.06159, section 2.
    """
    (scores,), where, dtype = read_group("standardize", where, scores=scores)
    centered, std = center(scores, where)
    informative = is_informative(std)
    return rounded(jnp.where(informative, centered / jnp.where(informative, std, 1.0), 0.0), dtype)
