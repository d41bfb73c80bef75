"""Mirror descent policy optimization, on policy."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import rounded
from ._masked import mean
from ._options import Number, read_positive
from ._ratio import log_ratio
from ._sequences import read_sequences
from ._standardize import center


def mdpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    step: Number = 1.0,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Mirror descent policy optimization (MDPO): PPO's ratio, with a KL penalty for the clip.

    $$L = \frac{1}{k} \sum_i \left[-r_i (s_i - \bar s) + \frac{1}{t} \left(r_i d_i - r_i + 1\right)\right],
    \qquad d = \mathrm{clip}(\ell - \ell^{\mathrm{old}}, -20, 20), \quad r = e^d$$

    The second term estimates $\mathrm{KL}(\pi \,\|\, \pi^{\mathrm{old}})$ from answers of the old policy. The
    gradient in `logp` is $-r_i (s_i - \bar s - d_i / t) / k$, and 0 where the log-ratio exceeds 20 in size.
    It vanishes at $d = t (s - \bar s)$, the step of mirror descent.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, log-probs
            of their tokens, which are summed.
        old_logp: shaped like `logp`, the same when the answers were sampled. Constant.
        scores: `[*b, k]`, one score per answer. One that is not finite makes its group NaN. Constant.
        step: step size $t$, in nats per unit of the scores, above 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss in the unit of the scores per group, not reduced. A constant group or a group of one
        answer has only the KL term. An empty group has loss and gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `step` is not one number.
        ValueError: the shapes differ, the last axis holds no candidate, or `step` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import mdpo
        >>> old_logp = jnp.log(jnp.array([0.4, 0.6]))
        >>> scores = jnp.array([1.0, 0.0])
        >>> print(jax.grad(mdpo)(old_logp, old_logp, scores))
        [-0.25  0.25]
        >>> at_rest = old_logp + jnp.array([0.5, -0.5])
        >>> print(np.abs(jax.grad(mdpo)(at_rest, old_logp, scores)).max().round(3))
        0.0

    Source:
        Tomar et al. 2020, arXiv 2005.09814, on policy. The paper uses the KL of whole action distributions
        and anneals `step` from 1 to 0; ours estimates the KL, and `step` may be traced. The authors' code
        standardizes advantages over the batch; call `mdpo` with `standardize(scores)` for steps that do not
        depend on the unit of the scores. A log-prob of minus infinity is treated as in `ppo`. (mDPO, a
        preference loss for multimodal models, is a different method.)
    """
    read = read_sequences("mdpo", where, logp, old_logp, scores)
    size = read_positive("mdpo", "step", step, read.logp, usual="The paper anneals it from 1 to 0.")
    advantages, _ = center(read.scores, read.where)
    d = log_ratio(read.logp, read.old_logp, read.dtype)
    ratios = jnp.exp(d)
    # expm1 keeps digits that r - 1 would lose near a ratio of 1.
    kl = ratios * d - jnp.expm1(d)
    return rounded(mean(kl / size - ratios * advantages, read.where)[..., 0], read.dtype)
