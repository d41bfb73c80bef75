"""Asymmetric REINFORCE."""

import functools

from jaxtyping import Array, Bool, Float

from . import advantages, aggregates, surrogates
from ._options import Number
from ._policy_gradient import compose


def asymre(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    shift: Number = 0.1,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Asymmetric REINFORCE (AsymRE): off-policy REINFORCE with a baseline below the mean of the group.

    $$L_i = -A_i \sum_t \ell_{it}, \qquad A_i = R_i - (\bar R - \delta)$$

    The gradient in the log-prob of a token is $-A_i$. With a lower baseline, good answers count more than bad
    ones, so that many steps on old samples do not collapse the policy.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. It is not used: there is no ratio.
        scores: `[*b, k]`, one score per answer. The loss has the unit of the scores. Constant.
        shift: $\delta$, in the unit of the scores, at least 0.
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
        >>> from tpo_objectives import asymre
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> gradient = jax.grad(lambda x: asymre(x, old_logp, scores, shift=0.25).sum())(old_logp)
        >>> print(np.asarray(gradient).round(2))
        [[-0.75 -0.75]
         [ 0.25  0.25]]

    Source:
        Arnal et al. 2025, arXiv 2506.20520, whose $\delta V$ is `-shift`. Neither TRL nor verl has it.
    """
    return compose(
        "asymre",
        logp,
        old_logp,
        scores,
        advantage=functools.partial(advantages.lowered, shift=shift),
        surrogate=surrogates.plain,
        aggregate=aggregates.sequence_sum,
        weights=weights,
        where=where,
    )
