"""Group Sequence Policy Optimization."""

import functools

from jaxtyping import Array, Bool, Float

from . import surrogates
from ._options import Number
from ._policy_gradient import compose


def gspo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    low: Number = 3e-4,
    high: Number = 4e-4,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Group Sequence Policy Optimization (GSPO): the clipped surrogate with one ratio for each answer.

    $$L_i = -\min\left(r_i A_i,\ \mathrm{clip}(r_i, 1 - \mathrm{low}, 1 + \mathrm{high}) A_i\right), \qquad
    r_i = \exp\Big(\frac{1}{T_i} \sum_t (\ell_{it} - \ell^{\mathrm{old}}_{it})\Big)$$

    with standardized scores as advantages. The gradient in the log-prob of a token is $-r_i A_i / T_i$, the
    same for all tokens of an answer, and 0 where the answer is clipped.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy. `[*b, k]` are answers of
            one token, where it equals the published GRPO.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. Constant.
        low: width of the clip range below 1, above 0.
        high: width of the clip range above 1, above 0.
        kl_coef: weight of a KL penalty per token (`kl.k3`), at least 0.
        ref_logp: shaped like `logp`, log-probs under the reference of the penalty; by default, those at
            sampling time.
        weights: shaped like `logp`, constant weights of the tokens, for example from `corrections`.
        where: shaped like `logp`, which tokens exist; all by default. Answers without tokens are left out of
            all means.

    Returns:
        `[*b, k]`, one loss per answer, not reduced.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes do not fit, there is no candidate, or an option is out of range.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import gspo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> print(np.asarray(gspo(old_logp, old_logp, jnp.array([1.0, 0.0]))).round(2))
        [-1.  1.]

    Source:
        Zheng et al. 2025, arXiv 2507.18071. TRL (`importance_sampling_level="sequence"`) and verl (`gspo`)
        aggregate the answer's loss over tokens; with the mean over each answer that is the same.
    """
    return compose(
        "gspo",
        logp,
        old_logp,
        scores,
        ratio="sequence_mean",
        surrogate=functools.partial(surrogates.clipped, low=low, high=high),
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
