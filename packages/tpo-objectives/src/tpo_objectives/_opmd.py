"""Online policy mirror descent, as in Kimi k1.5."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import rounded
from ._masked import mean
from ._options import Number, read_not_negative
from ._ratio import difference
from ._sequences import read_sequences
from ._standardize import center
from ._weighted import weighted


def opmd(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    tau: Number = 0.01,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Online policy mirror descent (OPMD): the policy gradient with a squared penalty on the log-ratio.

    $$L = \frac{1}{k} \sum_i \left[-(s_i - \bar s)\, \ell_i + \frac{\tau}{2} d_i^2 \right], \qquad
    d = \ell - \ell^{\mathrm{old}}$$

    The gradient in `logp` is $-(s_i - \bar s - \tau d_i) / k$. It vanishes at $d = (s - \bar s) / \tau$: the
    mean score approximates the normalization of the policy $\propto \pi^{\mathrm{old}} e^{s / \tau}$.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the answers were sampled. Constant.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        tau: weight of the penalty, in the unit of the scores, at least 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss per group, not reduced. In a constant group or a group of one answer, the penalty
        keeps the answers at their old log-probs. An empty group has loss and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `tau` is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `tau` is below 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import opmd
        >>> old_logp = jnp.log(jnp.array([0.4, 0.6]))
        >>> scores = jnp.array([1.0, 0.0])
        >>> print(jax.grad(opmd)(old_logp, old_logp, scores, tau=0.5))
        [-0.25  0.25]
        >>> at_rest = old_logp + jnp.array([1.0, -1.0])
        >>> print(np.abs(jax.grad(opmd)(at_rest, old_logp, scores, tau=0.5)).max().round(3))
        0.0

    Source:
        Kimi Team 2025, arXiv 2501.12599, section 2.3.2, which gives no value of `tau`; 0.01 is OpenKimi's.
        OpenKimi writes the loss as a square, with the same gradient, and divides by the length. Trinity-RFT's
        `opmd` has no penalty and divides the policy gradient by `1 + tau`. A log-prob that was and still is
        minus infinity counts as unchanged; otherwise, or if its score is not the mean, the loss of its group
        is infinite or NaN.
    """
    read = read_sequences("opmd", where, logp, old_logp, scores)
    penalty = read_not_negative("opmd", "tau", tau, read.logp, usual="0 is the policy gradient.")
    advantages, _ = center(read.scores, read.where)
    square = 0.5 * penalty * jnp.square(difference(read.logp, read.old_logp))
    losses = mean(weighted(-advantages, read.logp) + square, read.where)[..., 0]
    return rounded(losses, read.dtype)
