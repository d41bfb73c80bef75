"""Proximal Policy Optimization."""

import jax
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._options import Number, read_positive
from ._ratio import clipped_surrogate, log_ratio


def ppo(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    scores: Float[Array, "*b"],
    *,
    clip: Number = 0.2,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""Proximal Policy Optimization (PPO): the clipped surrogate of one sampled action.

    $$L = -\min\left(r A,\ \mathrm{clip}(r, 1 - \epsilon, 1 + \epsilon) A\right), \qquad
    r = e^d, \quad d = \mathrm{clip}(\ell - \ell^{\mathrm{old}}, -20, 20)$$

    The gradient in `logp` is `-r A`, and 0 where the clipped term is the smaller one.

    Args:
        logp: `[*b]`, log-probs in nats of the sampled actions under the current policy.
        old_logp: `[*b]`, the same when the actions were sampled. Constant.
        scores: `[*b]`, advantages `A`, such as reward minus baseline. Constant.
        clip: half-width $\epsilon$ of the clip range around 1, above 0.
        where: `[*b]`, which actions exist; all by default. The others have loss and gradient 0.

    Returns:
        `[*b]`, one loss per action, not reduced.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or `clip` is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import ppo
        >>> old_logp = jnp.log(jnp.array([0.5, 0.5, 0.5]))
        >>> logp = jnp.log(jnp.array([0.55, 0.9, 0.9]))
        >>> advantages = jnp.array([1.0, 1.0, -1.0])
        >>> print(np.asarray(ppo(logp, old_logp, advantages)).round(2))  # the second is clipped
        [-1.1 -1.2  1.8]

    Source:
        Schulman et al. 2017, arXiv 1707.06347, as used in arXiv 2604.06159. Ours clips the log-ratio to [-20,
        20], as GRPO does, so that loss and gradient stay finite for all finite log-probs. The plain formula
        differs only beyond that bound: for a negative advantage and a ratio above 5e8, its loss keeps
        growing, while ours stays constant and has gradient 0.
    """
    arrays, where, dtype = read_arrays("ppo", where, logp=logp, old_logp=old_logp, scores=scores)
    logp, old_logp, scores = arrays
    width = read_positive("ppo", "clip", clip, logp, usual=0.2)
    d = log_ratio(logp, old_logp, dtype)
    return rounded(-clipped_surrogate(d, jax.lax.stop_gradient(scores), width, width), dtype)
