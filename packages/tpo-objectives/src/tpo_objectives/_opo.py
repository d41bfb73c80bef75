"""On-Policy RL with Optimal reward baseline."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from . import advantages, aggregates, kl, surrogates
from ._options import Number
from ._policy_gradient import compose


def opo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""On-Policy RL with Optimal reward baseline (OPO): a baseline in which long answers count more.

    $$L_i = -A_i \sum_t \ell_{it}, \qquad A_i = R_i - \frac{\sum_j T_j R_j}{\sum_j T_j}$$

    The gradient in the log-prob of a token is $-A_i$. The baseline minimizes the variance if the token
    gradients are orthogonal and have the same norm. There is no off-policy correction.

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
        >>> from tpo_objectives import opo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> where = jnp.array([[True, True], [True, False]])  # the second one ends after its first token
        >>> gradient = jax.grad(lambda x: opo(x, old_logp, scores, where=where).sum())(old_logp)
        >>> print(np.asarray(gradient).round(2))  # the baseline is 2 / 3
        [[-0.33 -0.33]
         [ 0.67  0.  ]]

    Source:
        Hao et al. 2025, arXiv 2505.23585. verl (`opo`) takes only the advantage from OPO, with PPO's
        surrogate and a mean over tokens. In a group of one answer, verl keeps the score, whereas ours gives
        no signal.
    """
    tokens = None if where is None else jnp.asarray(where)

    def against_tokens(
        scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None
    ) -> Float[Array, "*b k"]:
        if tokens is None:
            return advantages.centered(scores)
        lengths = jnp.sum(jnp.reshape(tokens, (*scores.shape, -1)), axis=-1).astype(scores.dtype)
        return advantages.length_weighted(scores, lengths, where=where)

    return compose(
        "opo",
        logp,
        old_logp,
        scores,
        advantage=against_tokens,
        surrogate=surrogates.plain,
        aggregate=aggregates.sequence_sum,
        kl_coef=kl_coef,
        kl_estimator=kl.k2,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
