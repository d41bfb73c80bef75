"""Geometric-Mean Policy Optimization."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._masked import mean
from ._options import Number, read_positive
from ._policy_gradient import compose
from ._ratio import log_ratio


def gmpo(
    logp: Float[Array, "..."],
    old_logp: Float[Array, "..."],
    scores: Float[Array, "*b k"],
    *,
    low: Number = 0.4,
    high: Number = 0.4,
    kl_coef: Number = 0.0,
    ref_logp: Float[Array, "..."] | None = None,
    weights: Float[Array, "..."] | None = None,
    where: Bool[Array, "..."] | None = None,
) -> Float[Array, "*b k"]:
    r"""Geometric-Mean Policy Optimization (GMPO): the geometric mean of an answer's clipped token ratios.

    $$L_i = -A_i \exp\Big(\frac{1}{T_i} \sum_t d'_{it}\Big), \qquad
    d'_{it} = \begin{cases} \min(d_{it}, \mathrm{high}) & A_i > 0 \\
    \max(d_{it}, -\mathrm{low}) & A_i \le 0 \end{cases}, \qquad
    d_{it} = \ell_{it} - \ell^{\mathrm{old}}_{it}$$

    with standardized scores as advantages. The gradient in the log-prob of a token is $L_i / T_i$, and 0
    where the token is clipped. `gspo` clips the mean; `gmpo` clips the tokens.

    Args:
        logp: `[*b, k, t]`, log-probs in nats of the tokens under the current policy, or `[*b, k]` for answers
            of one token.
        old_logp: shaped like `logp`, the same at sampling time. Constant.
        scores: `[*b, k]`, one score per answer, in any unit. Constant.
        low: width of the clip range of the log-ratio below 0, in nats, above 0.
        high: width of the clip range of the log-ratio above 0, in nats, above 0.
        kl_coef: weight of a KL penalty per token (`kl.k3`), at least 0.
        ref_logp: shaped like `logp`, log-probs under the reference of the penalty; by default, those at
            sampling time.
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
        >>> from tpo_objectives import gmpo
        >>> old_logp = jnp.log(jnp.array([[0.5, 0.5], [0.2, 0.8]]))  # two answers of two tokens
        >>> scores = jnp.array([1.0, 0.0])
        >>> logp = old_logp + jnp.array([[0.1, 1.0], [-1.0, 0.4]])
        >>> print(np.asarray(gmpo(logp, old_logp, scores)).round(2))  # exp(0.25) and exp(0)
        [-1.28  1.  ]
        >>> gradient = jax.grad(lambda x: gmpo(x, old_logp, scores).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [[-0.64  0.  ]
         [ 0.    0.5 ]]

    Source:
        Zhao et al. 2025, arXiv 2507.20673, which clips to `exp(-0.4)` and `exp(0.4)`. TRL (`GMPOTrainer`) and
        verl (`geo_mean`) are the same; but verl includes a correction's weights in the geometric mean,
        whereas ours averages over the weighted tokens. Ours clips the log-ratio to [-20, 20] first.
    """
    return compose(
        "gmpo",
        logp,
        old_logp,
        scores,
        surrogate=functools.partial(_geometric_mean, low=low, high=high, where=where),
        kl_coef=kl_coef,
        ref_logp=ref_logp,
        weights=weights,
        where=where,
    )


def _geometric_mean(
    logp: Float[Array, "*b k t"],
    old_logp: Float[Array, "*b k t"],
    advantages: Float[Array, "*b k t"],
    *,
    low: Number,
    high: Number,
    where: Bool[Array, "..."] | None,
) -> Float[Array, "*b k 1"]:
    least = -read_positive("gmpo", "low", low, logp, usual=0.4)
    most = read_positive("gmpo", "high", high, logp, usual=0.4)
    d = log_ratio(logp, old_logp, logp.dtype)
    kept = jnp.where(advantages > 0, jnp.minimum(d, most), jnp.maximum(d, least))
    mask = None if where is None else jnp.reshape(jnp.asarray(where), logp.shape)
    return -jax.lax.stop_gradient(advantages[..., :1]) * jnp.exp(mean(kept, mask))
