"""Regression to relative rewards."""

from jaxtyping import Array, Bool, Float

from ._gvpo import residual_variance
from ._inputs import rounded
from ._options import Number, read_positive
from ._sequences import read_sequences


def rebel(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    eta: Number = 1.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""REBEL: regress the difference of two answers' log-ratios on the difference of their scores.

    $$L = \frac{2}{k (k - 1)} \sum_{i < j} \left[\frac{d_i - d_j}{\eta} - (s_i - s_j)\right]^2, \qquad
    d = \ell - \ell^{\mathrm{old}}$$

    summed over all pairs of a group. The gradient in `logp` is $4 (e_i - \bar e) / (\eta (k - 1))$, with
    $e = d / \eta - s$.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the answers were sampled. Constant.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        eta: step size, in nats per unit of the scores, above 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss in the squared unit of the scores per group, at least 0 and not reduced. A constant
        group keeps the ratios of its answers equal. A group without a pair has loss and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `eta` is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `eta` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import rebel
        >>> old_logp = jnp.log(jnp.array([0.4, 0.6]))
        >>> scores = jnp.array([1.0, 0.0])
        >>> print(rebel(old_logp, old_logp, scores))
        1.0
        >>> print(jax.grad(rebel)(old_logp, old_logp, scores))
        [-2.  2.]

    Source:
        Gao et al. 2024, arXiv 2404.16767, which uses two answers for each prompt. The mean over all pairs of
        a larger group is 4 times `gvpo` with `beta = 1 / eta`. The authors' code multiplies the scores by
        `eta` instead of dividing the log-ratios, which scales the loss by `eta` squared. A log-prob of minus
        infinity is treated as in `gvpo`.
    """
    read = read_sequences("rebel", where, logp, old_logp, scores)
    step = read_positive("rebel", "eta", eta, read.logp, usual=1.0)
    return rounded(2.0 * residual_variance(read, 1.0 / step), read.dtype)
