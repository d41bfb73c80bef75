"""Group reward-Decoupled Normalization Policy Optimization."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from . import advantages
from ._clipping import clipped_on_both_sides
from ._inputs import as_array
from ._options import Number
from ._policy_gradient import compose


def gdpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k r"],
    *,
    clip: Number = 0.2,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Group reward-Decoupled Normalization Policy Optimization (GDPO): rewards standardized one by one.

    $$L_i = -\frac{1}{T_i} \sum_t
    \min\left(r_{it} A_i,\ \mathrm{clip}(r_{it}, 1 - \epsilon, 1 + \epsilon) A_i\right), \qquad
    A = \mathrm{whitened}\Big(\sum_r \mathrm{standardized}(R^{(r)})\Big)$$

    The rewards are standardized over the group, and their sum is whitened over the batch. The gradient in the
    log-prob of a token is $-r_{it} A_i / T_i$, and 0 where the token is clipped. The whitening couples the
    batch: for micro-batches, use `logp_gradient`.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k, r]`, `r` rewards per answer, each in any unit. Constant.
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
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import gdpo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two prompts, two answers of one token
        >>> scores = jnp.array([[[1.0, 0.0], [0.0, 0.0]], [[1.0, 5.0], [0.0, 0.0]]])  # two rewards
        >>> print(np.asarray(gdpo(old_logp, old_logp, scores)).round(2))
        [[-0.63  0.63]
         [-1.26  1.26]]

    Source:
        Liu et al. 2026, arXiv 2601.05242. TRL (`multi_objective_aggregation="normalize_then_sum"`) and verl
        (`gdpo`) also weight the rewards; multiplying a reward by a number has no effect here, because it is
        standardized afterwards. verl whitens over tokens, ours and TRL over answers. TRL and verl average
        over the tokens of the batch by default.
    """
    rewards = as_array("gdpo", "scores", scores)
    if rewards.ndim < 2:
        raise ValueError(
            f"gdpo: scores must have the shape (prompts, candidates, rewards), got {rewards.shape}. "
            "Stack the rewards on a last axis, also if there is only one."
        )

    def of_each_reward(
        totals: Float[Array, "*b k"], *, where: Bool[Array, "*b k"] | None
    ) -> Float[Array, "*b k"]:
        return advantages.each_standardized(rewards.astype(totals.dtype), where=where)

    # The sums serve to check shapes and dtypes; the advantages are computed from the rewards.
    return compose(
        "gdpo",
        logp,
        old_logp,
        jnp.sum(rewards, axis=-1),
        advantage=of_each_reward,
        surrogate=clipped_on_both_sides("gdpo", clip),
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
