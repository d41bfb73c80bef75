"""Distribution-Matching Policy Optimization: GRPO plus a distance to a target over the group."""

from typing import Literal, TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._divergences import jensen_shannon, mean_square
from ._inputs import rounded
from ._masked import log_softmax, mean
from ._options import Number, read_choice, read_not_negative, read_positive
from ._ratio import clipped_surrogate, log_ratio
from ._sequences import read_sequences
from ._standardize import standardize

Match: TypeAlias = Literal["mse", "js"]


def dmpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    divergence: Match = "mse",
    beta: Number = 1.0,
    tau: Number = 1 / 15,
    clip: Number = 0.2,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b"]:
    r"""Distribution-Matching Policy Optimization (DMPO): GRPO's surrogate plus a distance to a target.

    $$L = -\frac{1}{k} \sum_i \min\left(r_i A_i,\ \mathrm{clip}(r_i, 1 - \epsilon, 1 + \epsilon) A_i\right)
    + \beta\, D(q, p), \qquad q = \mathrm{softmax}(A / \tau), \quad p = \mathrm{softmax}(\ell / T)$$

    with $A = \mathrm{standardize}(s)$, the length `T` of an answer in tokens, and the ratio `r` of a whole
    answer as in `grpo`. `D` is the mean over the group of $(p_i - q_i)^2$, or the Jensen-Shannon divergence.
    The gradient of `D` in the log-prob of an answer is $p_i (g_i - \sum_j p_j g_j) / T_i$, with
    $g = 2 (p - q) / k$ or $g = \tfrac{1}{2} \log(2 p / (p + q))$.

    Args:
        logp: `[*b, k]`, log-probs in nats of the answers under the current policy, or `[*b, k, t]`, those of
            their tokens. Use `[*b, k]` for answers of one token.
        old_logp: shaped like `logp`, the same when the answers were sampled. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. One that is not finite makes its group NaN.
            Constant.
        divergence: `"mse"` or `"js"`.
        beta: weight of the distance, at least 0. 0 is GRPO without a KL penalty.
        tau: temperature of the target, above 0.
        clip: half-width $\epsilon$ of the clip range around 1, above 0.
        where: shaped like `logp`, which answers or tokens exist; all by default. The rest are left out of the
            group.

    Returns:
        `[*b]`, one loss per group, not reduced. The target of a constant group is uniform and still pulls the
        policy toward it; wrap `dmpo` in `informative_only` to drop such groups. An empty group has loss and
        gradient 0, and a group of one answer gradient 0.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option has the wrong type.
        ValueError: the shapes differ, the last axis holds no candidate, an option is out of range, or there
            is no such divergence.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import dmpo
        >>> old_logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 0.0, 0.0, 0.0])
        >>> print(np.asarray(dmpo(old_logp, old_logp, scores)).round(2))
        0.27
        >>> print(np.asarray(jax.grad(dmpo)(old_logp, old_logp, scores)).round(2))
        [-0.49  0.14  0.16  0.18]

    Source:
        Li et al. 2026, arXiv 2605.19461, whose `p` also uses the mean over tokens. The paper's surrogate has
        a ratio for each token; ours has one for each answer, as `grpo` has in arXiv 2604.06159, and no KL
        penalty. The advantages are standardized with the population standard deviation. (Distribution
        Matching Policy Optimization for diffusion models, arXiv 2510.08233, is a different method.)
    """
    choice = read_choice("dmpo", "divergence", divergence, ("mse", "js"))
    read = read_sequences("dmpo", where, logp, old_logp, scores)
    weight = read_not_negative("dmpo", "beta", beta, read.logp, usual="0 switches the distance off.")
    temperature = read_positive("dmpo", "tau", tau, read.logp, usual="The paper's value is 1/15.")
    width = read_positive("dmpo", "clip", clip, read.logp, usual=0.2)
    advantages = standardize(read.scores, where=read.where)
    d = log_ratio(read.logp, read.old_logp, read.dtype)
    earned = clipped_surrogate(d, advantages, width, width)
    target = log_softmax(advantages / temperature, read.where)
    logits = read.logp if read.lengths is None else read.logp / jnp.maximum(read.lengths, 1)
    distance = (mean_square if choice == "mse" else jensen_shannon)(target, logits, read.where)
    return rounded(weight * distance - mean(earned, read.where)[..., 0], read.dtype)
