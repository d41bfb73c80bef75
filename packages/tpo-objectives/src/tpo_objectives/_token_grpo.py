"""Group Relative Policy Optimization, with a ratio for each token."""

from jaxtyping import Array, Bool, Float

from ._clipping import clipped_on_both_sides
from ._options import Number
from ._policy_gradient import compose


def token_grpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    clip: Number = 0.2,
    kl_coef: Number = 0.04,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Group Relative Policy Optimization (GRPO) as published: a clipped ratio for each token.

    $$L_i = \frac{1}{T_i} \sum_t \left[
    -\min\left(r_{it} A_i,\ \mathrm{clip}(r_{it}, 1 - \epsilon, 1 + \epsilon) A_i\right)
    + \beta\, (e^{-x_{it}} + x_{it} - 1) \right]$$

    with standardized scores as advantages, $r_{it} = \exp(\ell_{it} - \ell^{\mathrm{old}}_{it})$ and $x_{it}
    = \ell_{it} - \ell^{\mathrm{ref}}_{it}$. The gradient in the log-prob of a token is $[-r_{it} A_i + \beta
    (1 - e^{-x_{it}})] / T_i$, without the first term where the token is clipped. `grpo` is the variant with
    one ratio for the whole answer, and the sum over the group as the loss.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. Constant.
        clip: half-width of the clip range around 1, above 0.
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
        >>> from tpo_objectives import token_grpo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> logp = old_logp + jnp.array([[0.1, 0.5], [-0.5, 0.5]])
        >>> print(np.asarray(token_grpo(logp, old_logp, scores)).round(2))
        [-1.15  1.23]
        >>> gradient = jax.grad(lambda x: token_grpo(x, old_logp, scores, kl_coef=0.0).sum())(logp)
        >>> print(np.asarray(gradient).round(2))  # what has earned enough is clipped
        [[-0.55 -0.  ]
         [ 0.    0.82]]

    Source:
        Shao et al. 2024, arXiv 2402.03300, with its `kl_coef`. TRL (`loss_type="grpo"`) and verl
        ("seq-mean-token-mean") divide by the sample standard deviation, with `k - 1` instead of `k`, and add
        1e-4 or 1e-6 to it; ours compares it with 1e-6. TRL has no KL by default. Both average over tokens of
        the batch by default, which is `dapo`.
    """
    return compose(
        "token_grpo",
        logp,
        old_logp,
        scores,
        surrogate=clipped_on_both_sides("token_grpo", clip),
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
