"""Surrogates with a gradient through the ratio: PPO's clip, and a smooth gate in its place."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._options import Number, read_positive
from ._ratio import clipped_surrogate, log_ratio


def clipped(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    advantages: Float[Array, "*b"],
    *,
    low: Number = 0.2,
    high: Number = 0.2,
    dual: Number | None = None,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""PPO's clipped surrogate, with separate widths below and above 1.

    $$L = -\min\left(r A,\ \mathrm{clip}(r, 1 - \mathrm{low}, 1 + \mathrm{high})\, A\right)$$

    With `dual`, the loss of a negative advantage is at most $-\mathrm{dual}\, A$. The gradient in `logp` is
    `-r A`, and 0 where the loss is clipped.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        old_logp: `[*b]`, the same at sampling time.
        advantages: `[*b]`.
        low: width of the clip range below 1, above 0.
        high: width of the clip range above 1, above 0.
        dual: the largest ratio that counts at a negative advantage, above 1, or None.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, not reduced, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or an option is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import surrogates
        >>> logp, old_logp = jnp.log(jnp.array([0.65, 0.9, 0.9])), jnp.log(jnp.array([0.5, 0.1, 0.1]))
        >>> advantages = jnp.array([1.0, 1.0, -1.0])
        >>> print(np.asarray(surrogates.clipped(logp, old_logp, advantages, high=0.28, dual=3.0)).round(2))
        [-1.28 -1.28  3.  ]

    Source:
        PPO, arXiv 1707.06347; `high` above `low` is DAPO's clip-higher, arXiv 2503.14476; `dual` is arXiv
        1912.09729.
    """
    arrays, where, dtype = read_arrays("clipped", where, logp=logp, old_logp=old_logp, advantages=advantages)
    below = read_positive("clipped", "low", low, arrays[0], usual=0.2)
    above = read_positive("clipped", "high", high, arrays[0], usual=0.2)
    weight = jax.lax.stop_gradient(arrays[2])
    losses = -clipped_surrogate(log_ratio(arrays[0], arrays[1], dtype), weight, below, above)
    if dual is not None:
        most = read_positive("clipped", "dual", dual, arrays[0], usual=3.0)
        losses = jnp.where(weight < 0, jnp.minimum(losses, -most * weight), losses)
    return rounded(losses, dtype)


def sapo(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    advantages: Float[Array, "*b"],
    *,
    tau_positive: Number = 1.0,
    tau_negative: Number = 1.05,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""A smooth gate instead of the clip.

    $$L = -A\, \frac{4}{\tau}\, \sigma\!\left(\tau (r - 1)\right)$$

    with $\tau$ chosen by the sign of the advantage. At a ratio of 1, the gradient in `logp` is `-A`, as in
    PPO; it fades as the ratio moves away from 1.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        old_logp: `[*b]`, the same at sampling time.
        advantages: `[*b]`.
        tau_positive: sharpness of the gate at positive advantages, above 0.
        tau_negative: sharpness of the gate at other advantages, above 0.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, not reduced, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or an option is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import surrogates
        >>> logp = jnp.log(jnp.array([0.5, 0.9]))
        >>> print(np.asarray(surrogates.sapo(logp, jnp.log(jnp.array([0.5, 0.1])), jnp.ones(2))).round(2))
        [-2. -4.]

    Source:
        SAPO, arXiv 2511.20347.
    """
    arrays, where, dtype = read_arrays("sapo", where, logp=logp, old_logp=old_logp, advantages=advantages)
    positive = read_positive("sapo", "tau_positive", tau_positive, arrays[0], usual=1.0)
    negative = read_positive("sapo", "tau_negative", tau_negative, arrays[0], usual=1.05)
    weight = jax.lax.stop_gradient(arrays[2])
    tau = jnp.where(weight > 0, positive, negative).astype(weight.dtype)
    ratio = jnp.exp(log_ratio(arrays[0], arrays[1], dtype))
    return rounded(-weight * (4.0 / tau) * jax.nn.sigmoid(tau * (ratio - 1.0)), dtype)
