"""Decoupled Clip and Dynamic Sampling Policy Optimization."""

import functools

from jaxtyping import Array, Bool, Float

from . import aggregates, surrogates
from ._options import Number
from ._policy_gradient import compose


def dapo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    low: Number = 0.2,
    high: Number = 0.28,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Decoupled Clip and Dynamic Sampling Policy Optimization (DAPO): clip-higher, and a mean over tokens.

    $$L_i = -\frac{n}{\sum_j T_j} \sum_t
    \min\left(r_{it} A_i,\ \mathrm{clip}(r_{it}, 1 - \mathrm{low}, 1 + \mathrm{high}) A_i\right)$$

    over the `n` answers of the batch that exist, with standardized scores as advantages. The gradient in the
    log-prob of a token is $-r_{it} A_i\, n / \sum_j T_j$, and 0 where the token is clipped. The mean over the
    tokens couples the batch: for micro-batches, use `logp_gradient`.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
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
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import dapo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> where = jnp.array([[True, True], [True, False]])  # the second one ends after its first token
        >>> logp = old_logp + 0.2
        >>> print(np.asarray(dapo(logp, old_logp, scores, where=where)).round(2))
        [-1.63  0.81]
        >>> # A sampler of another precision: weigh the tokens (TIS; IcePop is `corrections.masked`).
        >>> from tpo_objectives import corrections
        >>> sampler_logp = old_logp + jnp.array([[0.1, -1.0], [0.0, 0.2]])
        >>> weights = corrections.truncated(old_logp, sampler_logp, cap=2.0)
        >>> gradient = jax.grad(lambda x: dapo(x, old_logp, scores, weights=weights, where=where).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-0.74 -1.63]
         [ 0.81  0.  ]]

    Source:
        Yu et al. 2025, arXiv 2503.14476. Its dynamic sampling (which replaces groups of equal scores by new
        prompts) and its penalty for long answers (which changes the scores) are up to you. TRL
        (`loss_type="dapo"`, the default) and verl ("token-mean", the default) clip at 0.2 on both sides by
        default; verl also cuts off ratios above 3 at negative advantages (`dual` of `surrogates.clipped`).
    """
    return compose(
        "dapo",
        logp,
        old_logp,
        scores,
        surrogate=functools.partial(surrogates.clipped, low=low, high=high),
        aggregate=aggregates.token_mean,
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
