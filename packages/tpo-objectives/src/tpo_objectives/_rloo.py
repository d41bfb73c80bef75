"""REINFORCE Leave-One-Out."""

from jaxtyping import Array, Bool, Float

from . import advantages, aggregates, kl, surrogates
from ._options import Number
from ._policy_gradient import compose


def rloo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""REINFORCE Leave-One-Out (RLOO): the mean score of the other answers is the baseline.

    $$L_i = -A_i \sum_t \ell_{it}, \qquad A_i = R_i - \frac{1}{k - 1} \sum_{j \ne i} R_j$$

    The gradient in the log-prob of a token is $-A_i$. It is unbiased on policy and has no off-policy
    correction.

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
        >>> from tpo_objectives import rloo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> print(np.asarray(rloo(old_logp, old_logp, scores)).round(2))
        [ 1.39 -1.83]
        >>> gradient = jax.grad(lambda x: rloo(x, old_logp, scores).sum())(old_logp)
        >>> print(np.asarray(gradient).round(2))
        [[-1. -1.]
         [ 1.  1.]]

    Source:
        Ahmadian et al. 2024, arXiv 2402.14740. The paper and TRL's `RLOOTrainer` subtract the KL from the
        score; ours adds `kl.k2` to the loss, which leaves out how a token changes the KL of later ones. TRL's
        trainer also clips the ratio of the whole answer. verl (`rloo`) and OpenRLHF (`rloo`) take only the
        advantage from RLOO, with PPO's surrogate and a mean over tokens.
    """
    return compose(
        "rloo",
        logp,
        old_logp,
        scores,
        advantage=advantages.leave_one_out,
        surrogate=surrogates.plain,
        aggregate=aggregates.sequence_sum,
        kl_coef=kl_coef,
        kl_estimator=kl.k2,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
