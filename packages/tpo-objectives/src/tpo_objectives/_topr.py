"""Tapered Off-Policy REINFORCE."""

from typing import Any

from jaxtyping import Array, Bool, Float

from . import surrogates
from ._policy_gradient import compose


def topr(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Tapered Off-Policy REINFORCE (TOPR): a bad answer counts less as the policy makes it unlikely.

    $$L_i = -w_i R_i \sum_t \ell_{it}, \qquad w_i = \begin{cases} 1 & R_i \ge 0 \\
    \mathrm{sg}\left[\min(r_i, 1)\right] & R_i < 0 \end{cases}, \qquad
    r_i = \exp \sum_t (\ell_{it} - \ell^{\mathrm{old}}_{it})$$

    where `sg` stops the gradient. The gradient in the log-prob of a token is $-w_i R_i$. It works off policy
    without a KL penalty: right answers are imitated even if they have become rare, and wrong answers have a
    weight of at most 1.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, used as it is: above 0 if it is to become likelier, such as 1
            and -1, after you have subtracted your own baseline. Constant.
        weights: shaped like `logp`, constant weights of the tokens, for example from `corrections`. Each
            answer is weighted by the mean over its tokens.
        where: shaped like `logp`, which tokens exist; all by default. Answers without tokens are left out of
            all means.

    Returns:
        `[*b, k]`, one loss per answer, not reduced.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes do not fit, or there is no candidate.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import topr
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> logp = old_logp - 1.0
        >>> gradient = jax.grad(lambda x: topr(x, old_logp, jnp.array([1.0, -1.0])).sum())(logp)
        >>> print(np.asarray(gradient).round(2))  # exp(-2)
        [[-1.   -1.  ]
         [ 0.14  0.14]]

    Source:
        Le Roux et al. 2025, arXiv 2503.14286, with its canonical choice of 1 for right answers and the
        truncation at 1 for wrong ones. Neither TRL nor verl has it. Ours clips the log-ratio of the answer to
        [-20, 20].
    """
    return compose(
        "topr",
        logp,
        old_logp,
        scores,
        advantage=_as_they_are,
        ratio="sequence_sum",
        surrogate=surrogates.topr,
        weights=weights,
        where=where,
    )


def _as_they_are(scores: Float[Array, "*b k"], **_: Any) -> Float[Array, "*b k"]:
    return scores
