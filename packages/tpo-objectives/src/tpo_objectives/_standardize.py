"""Scores relative to their group."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._checks import check_group

# A group whose standard deviation is at most this tells no candidate apart.
MIN_STD = 1e-6


def center(scores: Float[Array, "*b k"]) -> tuple[Float[Array, "*b k"], Float[Array, "*b 1"]]:
    """Scores minus their group's mean, and the group's population standard deviation, both constant."""
    scores = jax.lax.stop_gradient(scores)
    # The mean of equal floats need not be that float. Measured from the best score, a constant group is
    # exactly 0 at any level, and rounding is not taken for a signal.
    offsets = scores - jnp.max(scores, axis=-1, keepdims=True)
    centered = offsets - jnp.mean(offsets, axis=-1, keepdims=True)
    return centered, jnp.sqrt(jnp.mean(jnp.square(centered), axis=-1, keepdims=True))


def standardize(scores: Float[Array, "*b k"]) -> Float[Array, "*b k"]:
    r"""Scores in units of their group's standard deviation.

    $$u_k = \frac{s_k - \bar s}{\sigma(s)}, \qquad u = 0 \text{ where } \sigma(s) \le 10^{-6}$$

    with the mean and the population standard deviation over the last axis. The result is a constant for
    `jax.grad`: no gradient flows into the scores.

    Args:
        scores: `[*b, k]`, one finite score per candidate, in any unit. The last axis is the group.

    Returns:
        `[*b, k]`, without unit, with mean 0 and variance 1 in each group, or all 0 in a constant group.
        No entry exceeds `sqrt(k - 1)` in size.

    Raises:
        TypeError: the scores are integers.
        ValueError: the last axis holds no candidate.

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
    check_group("standardize", scores=scores)
    centered, std = center(scores)
    informative = std > MIN_STD
    return jnp.where(informative, centered / jnp.where(informative, std, 1.0), 0.0)
