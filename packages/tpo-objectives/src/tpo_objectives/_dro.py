"""Direct Reward Optimization."""

import functools

from jaxtyping import Array, Bool, Float

from . import advantages, surrogates
from ._options import Number
from ._policy_gradient import compose


def dro(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    beta: Number = 1.0,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Direct Reward Optimization (DRO): REINFORCE with a quadratic penalty on the log-ratio of the answer.

    $$L_i = -A_i \sum_t \ell_{it} + \frac{\beta}{2}\, d_i^2, \qquad
    d_i = \sum_t (\ell_{it} - \ell^{\mathrm{old}}_{it}), \qquad A_i = R_i - \bar R$$

    The gradient in the log-prob of a token is $-A_i + \beta d_i$. It vanishes where $\beta d_i$ equals the
    advantage, so the method works off policy.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same under the reference, such as the policy at sampling time.
            Constant.
        scores: `[*b, k]`, one score per answer. The loss has the unit of the scores. Constant.
        beta: weight of the penalty, in the unit of the scores per nat, at least 0.
        weights: shaped like `logp`, constant weights of the tokens, for example from `corrections`. Each
            answer is weighted by the mean over its tokens.
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
        >>> from tpo_objectives import dro
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> logp = old_logp + jnp.array([[0.25, 0.25], [0.0, 0.5]])
        >>> gradient = jax.grad(lambda x: dro(x, old_logp, scores).sum())(logp)
        >>> print(np.asarray(gradient).round(2))  # the first answer has arrived
        [[0. 0.]
         [1. 1.]]

    Source:
        Richemond et al. 2024, arXiv 2405.19107, which learns the baseline with a network from single answers;
        ours is the mean of the group. verl (`dro`) penalizes each token instead of the answer and takes the
        advantage from elsewhere; for that, use `surrogates.dro` with `policy_gradient`.
    """
    return compose(
        "dro",
        logp,
        old_logp,
        scores,
        advantage=advantages.centered,
        ratio="sequence_sum",
        surrogate=functools.partial(surrogates.dro, beta=beta),
        weights=weights,
        where=where,
    )
