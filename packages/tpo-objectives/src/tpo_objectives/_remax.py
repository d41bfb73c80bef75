"""ReMax."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from . import advantages, aggregates, kl, surrogates
from ._inputs import read_arrays
from ._options import Number
from ._policy_gradient import compose


def remax(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    baseline: Float[Array, "*b"],
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""ReMax: the score of the greedy answer to the same prompt is the baseline.

    $$L_i = -A_i \sum_t \ell_{it}, \qquad A_i = R_i - R^{\mathrm{greedy}}$$

    The gradient in the log-prob of a token is $-A_i$. It is unbiased on policy and has no off-policy
    correction. One answer per prompt is enough.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time, the default reference of the penalty.
            Constant.
        scores: `[*b, k]`, one score per answer. The loss has the unit of the scores. Constant.
        baseline: `[*b]`, the score of the greedy answer to each prompt. Constant.
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
        >>> from tpo_objectives import remax
        >>> logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two prompts, two answers of one token
        >>> scores = jnp.array([[1.0, 0.0], [0.0, 0.0]])
        >>> baseline = jnp.array([0.0, 1.0])
        >>> gradient = jax.grad(lambda x: remax(x, logp, scores, baseline=baseline).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-1. -0.]
         [ 1.  1.]]

    Source:
        Li et al. 2023, arXiv 2310.10505. The paper subtracts the KL from the score; ours adds `kl.k2` to the
        loss. verl (`remax`) takes only the advantage from ReMax, with PPO's surrogate and a mean over tokens.
    """
    (greedy,), _, _ = read_arrays("remax", baseline=baseline)
    if greedy.shape != jnp.shape(scores)[:-1]:
        raise ValueError(
            f"remax: baseline must have the shape of the prompts, {jnp.shape(scores)[:-1]}, got "
            f"{greedy.shape}. Pass the greedy answer's score for each prompt."
        )

    def against_greedy(
        scores: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None
    ) -> Float[Array, "*b k"]:
        row = jnp.broadcast_to(greedy[..., None], scores.shape).astype(scores.dtype)
        return advantages.against(scores, row, where=where)

    return compose(
        "remax",
        logp,
        old_logp,
        scores,
        advantage=against_greedy,
        surrogate=surrogates.plain,
        aggregate=aggregates.sequence_sum,
        kl_coef=kl_coef,
        kl_estimator=kl.k2,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
