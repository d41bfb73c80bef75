"""Soft Adaptive Policy Optimization."""

import functools

from jaxtyping import Array, Bool, Float

from . import surrogates
from ._options import Number
from ._policy_gradient import compose


def sapo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    tau_positive: Number = 1.0,
    tau_negative: Number = 1.05,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Soft Adaptive Policy Optimization (SAPO): a smooth gate for each token instead of the clip.

    $$L_i = -\frac{A_i}{T_i} \sum_t \frac{4}{\tau_i}\, \sigma\!\left(\tau_i (r_{it} - 1)\right)$$

    with standardized scores as advantages and $\tau_i$ chosen by their sign. The gradient in the log-prob of
    a token is $-4 p (1 - p)\, r_{it} A_i / T_i$ with $p = \sigma(\tau_i (r_{it} - 1))$: it equals that of
    `token_grpo` at a ratio of 1 and shrinks away from it.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. Constant.
        tau_positive: sharpness of the gate at positive advantages, above 0.
        tau_negative: sharpness of the gate at other advantages, above 0.
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
        >>> from tpo_objectives import sapo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> logp = old_logp + jnp.array([[0.0, 2.0], [-2.0, 2.0]])
        >>> gradient = jax.grad(lambda x: sapo(x, old_logp, scores).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-0.5  -0.02]
         [ 0.06  0.02]]

    Source:
        Gao et al. 2025, arXiv 2511.20347. TRL (`loss_type="sapo"`) and verl (`sapo`) also average over the
        tokens of each answer first, regardless of their setting for other losses.
    """
    return compose(
        "sapo",
        logp,
        old_logp,
        scores,
        surrogate=functools.partial(surrogates.sapo, tau_positive=tau_positive, tau_negative=tau_negative),
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
