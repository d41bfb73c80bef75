"""The policy gradient with TPO's standardized scores as weights."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ._checks import check_group, check_positive
from ._standardize import standardize


def group_pg(
    logp: Float[Array, "*b k"],
    old_logp: Float[Array, "*b k"],
    scores: Float[Array, "*b k"],
    *,
    eta: float = 1.0,
) -> Float[Array, "*b"]:
    r"""Group policy gradient: REINFORCE with the standardized score of a candidate as its advantage.

    $$L = -\frac{1}{\eta} \sum_k u_k \, \ell_k, \qquad u = \mathrm{standardize}(s)$$

    The gradient in `logp` is `-u / eta`, wherever the policy is. Set beside TPO, which sees the same `u`, it
    shows what the target distribution adds.

    Args:
        logp: `[*b, k]`, finite log-probs in nats of the candidates under the current policy.
        old_logp: `[*b, k]`, not used; part of the signature that all objectives share.
        scores: `[*b, k]`, one finite score per candidate, in any unit. Constant.
        eta: temperature, above 0.

    Returns:
        `[*b]`, one loss per group, not reduced.

    Raises:
        TypeError: an array holds integers.
        ValueError: the shapes differ, the last axis holds no candidate, or `eta` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import group_pg
        >>> logp = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
        >>> scores = jnp.array([1.0, 1.0, 0.0, 0.0])
        >>> print(np.asarray(group_pg(logp, logp, scores)).round(2))
        1.79
        >>> print(jax.grad(group_pg)(logp, logp, scores))
        [-1. -1.  1.  1.]

    Source:
        The Group PG ablation of arXiv 2604.06159, figures 4 and 8.
    """
    check_group("group_pg", logp=logp, old_logp=old_logp, scores=scores)
    check_positive("group_pg", "eta", eta, usual=1.0)
    return jnp.sum(-standardize(scores) / eta * logp, axis=-1)
