"""Group Variance Policy Optimization."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import fill, rounded
from ._masked import mean, size
from ._options import Number, read_positive
from ._ratio import difference
from ._sequences import Sequences, read_sequences
from ._standardize import center


def gvpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    beta: Number = 0.1,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Group Variance Policy Optimization (GVPO): the score variance that the policy does not explain.

    $$L = \frac{1}{2 (k - 1)} \sum_i e_i^2, \qquad
    e_i = (s_i - \bar s) - \beta \left(d_i - \bar d\right), \quad d = \ell - \ell^{\mathrm{old}}$$

    The gradient in `logp` is $-\beta\, e_i / (k - 1)$. It vanishes where $\beta d$ equals the scores up to
    one constant per group, the policy $\propto \pi^{\mathrm{old}} e^{s / \beta}$ that maximizes the score
    under a KL penalty.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same under the reference policy of the penalty, such as the policy
            that sampled the answers. Constant.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        beta: weight of the KL penalty, in the unit of the scores, above 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss in the squared unit of the scores per group, at least 0 and not reduced. A constant
        group keeps the ratios of its answers equal. An empty group or a group of one answer has loss and
        gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `beta` is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `beta` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import gvpo
        >>> old_logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(jax.grad(gvpo)(old_logp, old_logp, scores)).round(3))
        [-0.025  0.008  0.008  0.008]
        >>> best = old_logp + scores / 0.1
        >>> print(np.abs(jax.grad(gvpo)(best, old_logp, scores)).max().round(3))
        0.0

    Source:
        Zhang et al. 2025, arXiv 2504.19599, with the `k - 1` of the authors' recipe for verl. That recipe
        centers with a detached mean, whose gradient is the same. A log-prob of minus infinity under both
        policies counts as unchanged; under only one of them, it makes the loss of its group NaN.
    """
    read = read_sequences("gvpo", where, logp, old_logp, scores)
    weight = read_positive("gvpo", "beta", beta, read.logp, usual=0.1)
    return rounded(0.5 * residual_variance(read, weight), read.dtype)


def residual_variance(read: Sequences, beta: Any) -> Float[Array, "*b"]:
    """The sample variance of `scores - beta * (logp - old_logp)` over a group; 0 in a group of one answer."""
    d = difference(read.logp, read.old_logp)
    residuals = center(read.scores, read.where)[0] - beta * fill(d - mean(d, read.where), read.where)
    freedom = jnp.maximum(size(d, read.where) - 1.0, 1.0)
    return jnp.sum(jnp.square(residuals) / freedom, axis=-1)
