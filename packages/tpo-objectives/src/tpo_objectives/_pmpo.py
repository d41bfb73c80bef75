"""Preference-based maximum a posteriori policy optimization."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import rounded
from ._masked import count, mean
from ._options import Number, read_not_negative
from ._ratio import log_ratio
from ._sequences import read_sequences
from ._standardize import standardize
from ._weighted import weighted


def pmpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    alpha: Number = 0.5,
    beta: Number = 1.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Preference-based MPO (PMPO): likelihood of accepted answers, unlikelihood of rejected ones, plus a KL.

    $$L = -\frac{\alpha}{|P|} \sum_{i \in P} \ell_i + \frac{1 - \alpha}{|N|} \sum_{i \in N} \ell_i
    + \frac{\beta}{k} \sum_i \left(e^{d_i} - d_i - 1\right)$$

    where `P` holds the answers above the mean score of their group, `N` those below, and
    $d = \mathrm{clip}(\ell - \ell^{\mathrm{old}}, -20, 20)$. The last sum estimates
    $\mathrm{KL}(\pi^{\mathrm{old}} \,\|\, \pi)$ from answers of the old policy. The gradient in `logp` is
    $-\alpha / |P|$ in `P`, $(1 - \alpha) / |N|$ in `N`, and $\beta (e^{d_i} - 1) / k$ in both. If all answers
    are rejected, the KL keeps the policy in place only if $\beta > 1 - \alpha$.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the answers were sampled. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. Only the side of the mean counts, and one that
            is not finite makes its group NaN. Constant.
        alpha: weight of accepted relative to rejected answers, from 0 to 1.
        beta: weight of the KL, at least 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss in nats per group, not reduced. A constant group or a group of one answer accepts and
        rejects nothing and has only the KL term. An empty group has loss and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or an option is out of range.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import pmpo
        >>> logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(jax.grad(pmpo)(logp, logp, scores)).round(2))
        [-0.5   0.17  0.17  0.17]

    Source:
        Abdolmaleki et al. 2024, arXiv 2410.04166, equation 10. The paper accepts positive advantages in
        control and the two best of four answers in language; ours does the former, with the mean of the group
        as baseline. The paper leaves the estimator of the KL open; the term $e^d - 1$ of ours has mean 0
        under the old policy and makes the gradient of the KL 0 where the policy has not moved. Beyond 20
        nats, that gradient is 0, as in `grpo`. An accepted or rejected log-prob of minus infinity makes the
        loss infinite, or NaN if two cancel.
    """
    read = read_sequences("pmpo", where, logp, old_logp, scores)
    share = read_not_negative("pmpo", "alpha", alpha, read.logp, usual="1 has no rejected answers.")
    if isinstance(share, float) and share > 1:
        raise ValueError(f"pmpo: alpha must be at most 1, got {alpha}. 1 has no rejected answers.")
    penalty = read_not_negative("pmpo", "beta", beta, read.logp, usual="0 switches the KL off.")
    u = standardize(read.scores, where=read.where)
    accepted, rejected = u > 0, u < 0
    # 0 elsewhere, or NaN where a score is not finite.
    weights = jnp.where(rejected, (1.0 - share) / count(rejected, u.dtype), 0.0 * u)
    weights = jnp.where(accepted, -share / count(accepted, u.dtype), weights)
    d = log_ratio(read.logp, read.old_logp, read.dtype)
    # expm1 keeps digits that exp(d) - 1 would lose near a ratio of 1.
    kl = mean(jnp.expm1(d) - d, read.where)[..., 0]
    return rounded(jnp.sum(weighted(weights, read.logp), axis=-1) + penalty * kl, read.dtype)
