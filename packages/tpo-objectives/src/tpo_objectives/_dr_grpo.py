"""GRPO done right."""

import functools

from jaxtyping import Array, Bool, Float

from . import advantages, aggregates
from ._clipping import clipped_on_both_sides
from ._options import Number
from ._policy_gradient import compose


def dr_grpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    clip: Number = 0.2,
    length: Number = 1.0,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""GRPO done right (Dr. GRPO): GRPO without division by lengths or by the spread of a group.

    $$L_i = -\frac{1}{\mathrm{length}} \sum_t
    \min\left(r_{it} A_i,\ \mathrm{clip}(r_{it}, 1 - \epsilon, 1 + \epsilon) A_i\right), \qquad
    A_i = R_i - \bar R$$

    The gradient in the log-prob of a token is $-r_{it} A_i / \mathrm{length}$, and 0 where the token is
    clipped.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer. The loss has the unit of the scores. Constant.
        clip: half-width of the clip range around 1, above 0.
        length: a constant that divides all sums, above 0, such as the longest answer that sampling allows.
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
        >>> from tpo_objectives import dr_grpo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> logp = old_logp + jnp.array([[0.1, 0.5], [-0.5, 0.5]])
        >>> print(np.asarray(dr_grpo(logp, old_logp, scores, length=2.0)).round(2))
        [-0.58  0.61]
        >>> gradient = jax.grad(lambda x: dr_grpo(x, old_logp, scores, length=2.0).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-0.28 -0.  ]
         [ 0.    0.41]]

    Source:
        Liu et al. 2025, arXiv 2503.20783. TRL (`loss_type="dr_grpo"` with `scale_rewards="none"`) divides by
        the longest answer that sampling allows; verl ("seq-mean-token-sum-norm" without the standard
        deviation) by the padded length, unless `loss_scale_factor` is set. Ours divides by the `length` that
        you pass.
    """
    return compose(
        "dr_grpo",
        logp,
        old_logp,
        scores,
        advantage=advantages.centered,
        surrogate=clipped_on_both_sides("dr_grpo", clip),
        aggregate=functools.partial(aggregates.sequence_sum, length=length),
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
