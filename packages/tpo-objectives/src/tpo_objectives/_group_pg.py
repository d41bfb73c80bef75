"""The policy gradient with TPO's standardized scores as weights."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import read_group, rounded
from ._options import Number, read_positive
from ._standardize import standardize
from ._weighted import weighted


def group_pg(
    logp: Float[Array, "*b k"],
    old_logp: Float[Array, "*b k"],
    scores: Float[Array, "*b k"],
    *,
    eta: Number = 1.0,
    where: Bool[Array, "*b k"] | None = None,
) -> Float[Array, "*b"]:
    r"""Group policy gradient: REINFORCE with the standardized score of a candidate as its advantage.

    $$L = -\frac{1}{\eta} \sum_k u_k \, \ell_k, \qquad u = \mathrm{standardize}(s)$$

    The gradient in `logp` is `-u / eta` for every policy. A comparison with TPO, which uses the same `u`,
    shows what the target distribution adds.

    Args:
        logp: `[*b, k]`, log-probs in nats of the candidates under the current policy.
        old_logp: `[*b, k]`, not used, but part of the common signature of all objectives.
        scores: `[*b, k]`, one score per candidate, in any unit. One that is not finite
            makes its group NaN. Constant.
        eta: temperature, above 0.
        where: `[*b, k]`, which candidates exist; all by default. The rest are left out of the group. A group
            without candidates has loss 0.

    Returns:
        `[*b]`, one loss per group, not reduced.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
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
    arrays, where, dtype = read_group("group_pg", where, logp=logp, old_logp=old_logp, scores=scores)
    logp, scores = arrays[0], arrays[2]
    temperature = read_positive("group_pg", "eta", eta, logp, usual=1.0)
    return rounded(jnp.sum(weighted(-standardize(scores, where=where) / temperature, logp), axis=-1), dtype)
