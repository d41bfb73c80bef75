"""Group Relative Policy Optimization."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import read_group, rounded
from ._options import Number, read_not_negative, read_positive
from ._ratio import clipped_surrogate, log_ratio
from ._standardize import center, is_informative


def grpo(
    logp: Float[Array, "*b k"],
    old_logp: Float[Array, "*b k"],
    scores: Float[Array, "*b k"],
    *,
    clip: Number = 0.2,
    kl_coef: Number = 0.04,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b"]:
    r"""Group Relative Policy Optimization (GRPO): PPO's surrogate on standardized scores, and a KL penalty.

    $$L = -\sum_k \left[\min\left(r_k A_k,\ \mathrm{clip}(r_k, 1 - \epsilon, 1 + \epsilon) A_k\right)
    - \beta \left(e^{-d_k} + d_k - 1\right)\right]$$

    with $d = \mathrm{clip}(\ell - \ell^{\mathrm{old}}, -20, 20)$, $r = e^d$ and
    $A = (s - \bar s) / (\sigma(s) + 10^{-8})$ over the group. The gradient in `logp` is
    $-r A \cdot [\text{not clipped}] + \beta (1 - e^{-d})$, and 0 where the log-ratio exceeds 20 in size.

    Args:
        logp: `[*b, k]`, log-probs in nats of the candidates under the current policy.
        old_logp: `[*b, k]`, the same when the candidates were sampled. Constant.
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN. Constant.
        clip: half-width $\epsilon$ of the clip range around 1, above 0.
        kl_coef: weight $\beta$ of the KL penalty, at least 0. 0 is the paper's "no KL".
        where: `[*b, k]`, which candidates exist; all by default. The rest are left out of the group. A group
            without candidates has loss 0.

    Returns:
        `[*b]`, one loss per group, not reduced.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, `clip` is not above 0, or `kl_coef`
            is below 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import grpo
        >>> old_logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> logp = jnp.log(jnp.array([0.2, 0.2, 0.2, 0.4]))
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(grpo(logp, old_logp, scores)).round(2))
        -0.45
        >>> print(np.asarray(jax.grad(grpo)(logp, old_logp, scores)).round(2))  # [0] and [2] are clipped
        [ 0.02  0.58 -0.02  0.58]

    Source:
        Shao et al. 2024, arXiv 2402.03300, as used in arXiv 2604.06159. The KL is relative to the sampling
        policy and is estimated per candidate. Ours also sets `A = 0` where the standard deviation is at most
        1e-6: dividing by `std + 1e-8` alone turns the float32 rounding of a constant group into advantages of
        order 1.
    """
    arrays, where, dtype = read_group("grpo", where, logp=logp, old_logp=old_logp, scores=scores)
    logp, old_logp, scores = arrays
    width = read_positive("grpo", "clip", clip, logp, usual=0.2)
    penalty = read_not_negative(
        "grpo", "kl_coef", kl_coef, logp, usual="The paper's value is 0.04, and 0 switches the penalty off."
    )
    centered, std = center(scores, where)
    advantages = jnp.where(is_informative(std), centered / (std + 1e-8), 0.0)
    d = log_ratio(logp, old_logp, dtype)
    # expm1 keeps digits that exp(-d) - 1 would lose near a ratio of 1.
    kl = jnp.expm1(-d) + d
    return rounded(jnp.sum(penalty * kl - clipped_surrogate(d, advantages, width, width), axis=-1), dtype)
