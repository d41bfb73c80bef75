"""Clipped Importance Sampling Policy Optimization."""

import functools

from jaxtyping import Array, Bool, Float

from . import aggregates, surrogates
from ._options import Number
from ._policy_gradient import compose


def cispo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    floor: Number = 0.0,
    cap: Number = 5.0,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Clipped Importance Sampling Policy Optimization (CISPO): the ratio is a capped weight.

    $$L_i = -\frac{n}{\sum_j T_j} \sum_t
    \mathrm{sg}\left[\mathrm{clip}(r_{it}, \mathrm{floor}, \mathrm{cap})\right] A_i\, \ell_{it}$$

    over the `n` answers of the batch that exist, with standardized scores as advantages; `sg` stops the
    gradient. The gradient in the log-prob of a token is $-\mathrm{clip}(r_{it}) A_i\, n / \sum_j T_j$, so no
    token is dropped. The mean over the tokens couples the batch: for micro-batches, use `logp_gradient`.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. Constant.
        floor: the smallest weight, at least 0.
        cap: the largest weight, above 0.
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
        >>> from tpo_objectives import cispo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> logp = old_logp + jnp.array([[0.1, 2.0], [-2.0, 0.0]])
        >>> gradient = jax.grad(lambda x: cispo(x, old_logp, scores, cap=5.0).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-0.55 -2.5 ]
         [ 0.07  0.5 ]]

    Source:
        MiniMax 2025, arXiv 2506.13585, which sets no floor and tunes the cap. TRL (`loss_type="cispo"`) caps
        the ratio at `epsilon_high`, as ours at `cap`; verl (`cispo`) clips it to `1 - low` and `1 + high`, so
        pass those sums.
    """
    return compose(
        "cispo",
        logp,
        old_logp,
        scores,
        surrogate=functools.partial(surrogates.cispo, floor=floor, cap=cap),
        aggregate=aggregates.token_mean,
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )
