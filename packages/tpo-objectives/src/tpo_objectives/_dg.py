"""Delightful Policy Gradient."""

import jax
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._options import Number, read_positive
from ._weighted import weighted


def dg(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    scores: Float[Array, "*b"],
    *,
    eta: Number = 1.0,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""Delightful Policy Gradient (DG): REINFORCE with each action gated by advantage times surprisal.

    $$L = -g A \ell, \qquad g = \sigma\!\left(\frac{-A \ell}{\eta}\right)$$

    The surprisal $-\ell$ comes from the current policy, and the gate is a constant, so the gradient in `logp`
    is `-g A`. The gate lets rare successes pass and holds rare failures back. As `eta` grows, the gate tends
    to 1/2 and the loss to half of REINFORCE.

    Args:
        logp: `[*b]`, log-probs in nats of the sampled actions under the current policy.
        old_logp: `[*b]`, not used, but part of the common signature of all objectives.
        scores: `[*b]`, advantages `A`, such as reward minus baseline. Constant.
        eta: temperature of the gate, above 0.
        where: `[*b]`, which actions exist; all by default. The others have loss and gradient 0.

    Returns:
        `[*b]`, one loss per action, not reduced.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or `eta` is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import dg
        >>> logp = jnp.log(jnp.array([0.01, 0.99, 0.01]))
        >>> advantages = jnp.array([1.0, 1.0, -1.0])
        >>> print(np.asarray(jax.grad(lambda x: dg(x, x, advantages).sum())(logp)).round(2))
        [-0.99 -0.5   0.01]

    Source:
        Osband 2026, arXiv 2603.14608, as used in arXiv 2604.06159.
    """
    (logp, _, scores), where, dtype = read_arrays("dg", where, logp=logp, old_logp=old_logp, scores=scores)
    temperature = read_positive("dg", "eta", eta, logp, usual=1.0)
    advantages = jax.lax.stop_gradient(scores)
    gate = jax.nn.sigmoid(-weighted(advantages, jax.lax.stop_gradient(logp)) / temperature)
    return rounded(weighted(-gate * advantages, logp), dtype)
