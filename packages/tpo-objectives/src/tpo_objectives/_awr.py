"""Advantage-weighted regression."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import rounded
from ._masked import mean
from ._options import Number, read_positive
from ._sequences import read_sequences
from ._standardize import center
from ._weighted import weighted


def awr(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    beta: Number = 1.0,
    max_weight: Number = 20.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Advantage-weighted regression (AWR): maximum likelihood, with weights that grow with the score.

    $$L = -\frac{1}{k} \sum_i w_i\, \ell_i, \qquad
    w_i = \min\left(e^{(s_i - \bar s) / \beta},\ w^{\mathrm{max}}\right)$$

    The gradient in `logp` is $-w_i / k$: every answer becomes more likely, and good answers most of all.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, not used, but part of the common signature of all objectives.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        beta: temperature, in the unit of the scores, above 0.
        max_weight: the largest weight, above 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss per group, not reduced. In a constant group or a group of one answer, all weights are
        1. An empty group has loss and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or an option is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import awr
        >>> logp = jnp.log(jnp.array([0.4, 0.6]))
        >>> print(np.asarray(jax.grad(awr)(logp, logp, jnp.array([1.0, 0.0]))).round(2))
        [-0.82 -0.3 ]

    Source:
        Peng et al. 2019, arXiv 1910.00177. The mean of the group replaces the value function. The authors'
        code standardizes advantages over the batch; call `awr` with `standardize(scores)` for weights that do
        not depend on the unit of the scores. A log-prob of minus infinity makes the loss infinite but keeps
        the gradient finite.
    """
    read = read_sequences("awr", where, logp, old_logp, scores)
    temperature = read_positive("awr", "beta", beta, read.logp, usual=1.0)
    bound = read_positive("awr", "max_weight", max_weight, read.logp, usual=20.0)
    advantages, _ = center(read.scores, read.where)
    # Clip before the exponential, which would overflow.
    weights = jnp.exp(jnp.minimum(advantages / temperature, jnp.log(bound)))
    return rounded(mean(weighted(-weights, read.logp), read.where)[..., 0], read.dtype)
