"""Maximum Likelihood Reinforcement Learning."""

from jaxtyping import Array, Bool, Float

from . import advantages, aggregates, kl, surrogates
from ._options import Number
from ._policy_gradient import compose


def maxrl(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Maximum Likelihood Reinforcement Learning (MaxRL): rarely solved prompts count more.

    $$L_i = -A_i \sum_t \ell_{it}, \qquad A_i = \frac{R_i - \bar R}{\bar R}, \qquad
    A = 0 \text{ where } \bar R \le 10^{-6}$$

    With scores 0 and 1, the gradient in the log-prob of a token is 1 for a wrong answer and $1 - k / m$ for
    one of `m` right ones. As `k` grows, its on-policy mean tends to the gradient of $-\log P(\text{right})$;
    the mean of `rloo` is the gradient of $-P(\text{right})$.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time, the default reference of the penalty.
            Constant.
        scores: `[*b, k]`, one score per answer, at least 0, such as 1 for a right answer. Constant.
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
        >>> from tpo_objectives import maxrl
        >>> logp = jnp.log(jnp.array([[0.2, 0.8, 0.4, 0.5]]))  # one prompt, four answers of one token
        >>> scores = jnp.array([[1.0, 0.0, 0.0, 0.0]])
        >>> gradient = jax.grad(lambda x: maxrl(x, logp, scores).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-3.  1.  1.  1.]]

    Source:
        Tajwar et al. 2026, arXiv 2602.02710. Neither TRL nor verl has it.
    """
    return compose(
        "maxrl",
        logp,
        old_logp,
        scores,
        advantage=advantages.relative,
        surrogate=surrogates.plain,
        aggregate=aggregates.sequence_sum,
        kl_coef=kl_coef,
        kl_estimator=kl.k2,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
