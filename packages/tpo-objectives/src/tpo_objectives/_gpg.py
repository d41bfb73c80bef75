"""Group Policy Gradient."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from . import aggregates, kl, surrogates
from ._options import Number
from ._policy_gradient import compose
from ._standardize import center, groups_per_informative, is_informative


def gpg(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Group Policy Gradient (GPG): REINFORCE on centered scores, averaged over informative groups.

    $$L_i = -\frac{n}{\sum_j T_j}\, A_i \sum_t \ell_{it}, \qquad A_i = \frac{B}{B - M}\, (R_i - \bar R)$$

    over the `n` answers and `B` groups of the batch that exist; `M` groups have a standard deviation of at
    most 1e-6, and the advantage 0. The gradient in the log-prob of a token is $-A_i\, n / \sum_j T_j$. Both
    factors couple the batch: for micro-batches, use `logp_gradient`.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time, the default reference of the penalty.
            Constant.
        scores: `[*b, k]`, one score per answer. The loss has the unit of the scores. Constant.
        kl_coef: weight of a KL penalty per token (`kl.k2`), at least 0.
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
        >>> from tpo_objectives import gpg
        >>> logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two prompts, two answers of one token
        >>> scores = jnp.array([[1.0, 0.0], [1.0, 1.0]])
        >>> gradient = jax.grad(lambda x: gpg(x, logp, scores).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-1.  1.]
         [-0. -0.]]

    Source:
        Chu et al. 2025, arXiv 2504.02546, which has no KL penalty and, like ours, does not divide by the
        standard deviation. verl (`gpg`) counts answers with a score other than 0 instead of `B - M` groups.
        TRL does not have it.
    """
    return compose(
        "gpg",
        logp,
        old_logp,
        scores,
        advantage=_corrected,
        surrogate=surrogates.plain,
        aggregate=aggregates.token_mean,
        kl_coef=kl_coef,
        kl_estimator=kl.k2,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )


def _corrected(scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None) -> Float[Array, "*b k"]:
    offsets, std = center(scores, where)
    informative = is_informative(std)
    return jnp.where(informative, offsets, 0.0) * groups_per_informative(informative, where, scores.dtype)
