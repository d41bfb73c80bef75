"""Divergence Proximal Policy Optimization."""

import functools

from jaxtyping import Array, Bool, Float

from . import aggregates, surrogates
from ._options import Number
from ._policy_gradient import compose


def dppo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    delta: Number = 0.15,
    cap: Number = 20.0,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Divergence Proximal Policy Optimization (DPPO): a token that has moved gets no gradient.

    $$L_i = -\frac{n}{\sum_j T_j} \sum_t \mathrm{sg}\left[ \min(r_{it}, \mathrm{cap})
    \cdot [\,\mathrm{sign}(A_i)(\pi_{it} - \pi^{\mathrm{old}}_{it}) \le \delta\,] \right] A_i\, \ell_{it}$$

    over the `n` answers of the batch that exist, with standardized scores as advantages; `sg` stops the
    gradient. The difference of probabilities is the token's part of the total variation between the policies.
    The gradient in the log-prob of a token is $-\min(r_{it}, \mathrm{cap}) A_i\, n / \sum_j T_j$, and 0 where
    the bracket is 0. The mean over the tokens couples the batch: for micro-batches, use `logp_gradient`.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. Constant.
        delta: how far a probability may move in the direction of the advantage, above 0.
        cap: the largest ratio that counts, above 0.
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
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import dppo
        >>> old_logp = jnp.log(jnp.array([[0.001, 0.5], [0.001, 0.5]]))  # two answers of two tokens
        >>> logp = jnp.log(jnp.array([[0.002, 0.9], [0.002, 0.1]]))
        >>> scores = jnp.array([1.0, 0.0])
        >>> gradient = jax.grad(lambda x: dppo(x, old_logp, scores).sum())(logp)
        >>> print(np.asarray(gradient).round(2))  # rare tokens may double, common ones have moved too far
        [[-1. -0.]
         [ 1. -0.]]

    Source:
        Qi et al. 2026, arXiv 2602.04879, with its binary estimate of the total variation, and verl
        (`dppo_tv`), which takes the advantage from elsewhere; ours uses GRPO's. The authors' recipe for verl
        only centers the scores, divides token sums by a constant as `dr_grpo` does, and compares with the
        sampler's own log-probs; to do the same, pass those as `old_logp`.
    """
    return compose(
        "dppo",
        logp,
        old_logp,
        scores,
        surrogate=functools.partial(surrogates.dppo, delta=delta, cap=cap),
        aggregate=aggregates.token_mean,
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
