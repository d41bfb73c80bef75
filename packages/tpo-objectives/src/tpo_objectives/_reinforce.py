"""REINFORCE, the plain policy gradient."""

import jax
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._weighted import weighted


def reinforce(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    scores: Float[Array, "*b"],
    *,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""REINFORCE: the score-function estimator of the policy gradient.

    $$L = -A \ell$$

    The gradient in `logp` is `-A` for every policy: there is no correction for actions that an older policy
    sampled.

    Args:
        logp: `[*b]`, log-probs in nats of the sampled actions under the current policy.
        old_logp: `[*b]`, not used, but part of the common signature of all objectives.
        scores: `[*b]`, advantages `A`, such as reward minus baseline. Constant.
        where: `[*b]`, which actions exist; all by default. The others have loss and gradient 0.

    Returns:
        `[*b]`, one loss per action, not reduced.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import reinforce
        >>> logp = jnp.log(jnp.array([0.5, 0.1]))
        >>> advantages = jnp.array([1.0, -0.5])
        >>> print(np.asarray(reinforce(logp, logp, advantages)).round(2))
        [ 0.69 -1.15]
        >>> print(jax.grad(lambda x: reinforce(x, x, advantages).sum())(logp))
        [-1.   0.5]

    Source:
        Williams 1992, Machine Learning 8, 229-256. "PG" in arXiv 2604.06159.
    """
    arrays, where, dtype = read_arrays("reinforce", where, logp=logp, old_logp=old_logp, scores=scores)
    logp, scores = arrays[0], arrays[2]
    return rounded(weighted(-jax.lax.stop_gradient(scores), logp), dtype)
