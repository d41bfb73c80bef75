"""REINFORCE with a constant ratio as its weight, or with a penalty on the log-ratio."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._options import Number, read_not_negative, read_positive
from ._ratio import difference, log_ratio
from ._weighted import weighted


def cispo(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    advantages: Float[Array, "*b"],
    *,
    floor: Number = 0.0,
    cap: Number = 5.0,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""REINFORCE with a clipped, constant ratio as its weight: every token keeps a gradient.

    $$L = -\mathrm{clip}(r, \mathrm{floor}, \mathrm{cap})\, A\, \ell$$

    with the clipped ratio as a constant, so that the gradient in `logp` is $-\mathrm{clip}(r)\, A$.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        old_logp: `[*b]`, the same at sampling time.
        advantages: `[*b]`.
        floor: the smallest ratio, at least 0.
        cap: the largest ratio, above 0.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, not reduced, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or an option is out of range.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import surrogates
        >>> logp, old_logp = jnp.log(jnp.array([0.5, 0.9])), jnp.log(jnp.array([0.5, 0.1]))
        >>> gradient = jax.grad(lambda x: surrogates.cispo(x, old_logp, jnp.ones(2)).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [-1. -5.]

    Source:
        MiniMax-M1, arXiv 2506.13585. Like TRL, ours has no floor by default; verl also clips at `1 - low`.
    """
    arrays, where, dtype = read_arrays("cispo", where, logp=logp, old_logp=old_logp, advantages=advantages)
    least = read_not_negative("cispo", "floor", floor, arrays[0], usual="0 is no floor.")
    most = read_positive("cispo", "cap", cap, arrays[0], usual=5.0)
    ratio = jnp.clip(jnp.exp(log_ratio(arrays[0], arrays[1], dtype)), least, most)
    weight = jax.lax.stop_gradient(ratio * arrays[2])
    return rounded(weighted(-weight, arrays[0]), dtype)


def dppo(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    advantages: Float[Array, "*b"],
    *,
    delta: Number = 0.15,
    cap: Number = 20.0,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""REINFORCE weighted by the ratio until the probability itself has moved too far.

    $$L = -\min(r, \mathrm{cap})\, A\, \ell
    \cdot [\,\mathrm{sign}(A)\, (\pi - \pi^{\mathrm{old}}) \le \delta\,]$$

    with the ratio and the bracket as constants. The difference of probabilities is the sampled token's part
    of the total variation between the policies.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        old_logp: `[*b]`, the same at sampling time.
        advantages: `[*b]`.
        delta: how far a probability may move in the direction of the advantage, above 0.
        cap: the largest ratio, above 0.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, not reduced, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or an option is not above 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import surrogates
        >>> logp, old_logp = jnp.log(jnp.array([0.002, 0.9])), jnp.log(jnp.array([0.001, 0.5]))
        >>> gradient = jax.grad(lambda x: surrogates.dppo(x, old_logp, jnp.ones(2)).sum())(logp)
        >>> print(np.asarray(gradient).round(2))  # the first probability has doubled, but hardly moved
        [-2. -0.]

    Source:
        DPPO, arXiv 2602.04879, with the total variation.
    """
    arrays, where, dtype = read_arrays("dppo", where, logp=logp, old_logp=old_logp, advantages=advantages)
    limit = read_positive("dppo", "delta", delta, arrays[0], usual=0.15)
    most = read_positive("dppo", "cap", cap, arrays[0], usual=20.0)
    constant = jax.lax.stop_gradient((arrays[0], arrays[1], arrays[2]))
    moved = jnp.exp(constant[0]) - jnp.exp(constant[1])
    kept = jnp.sign(constant[2]) * moved <= limit
    ratio = jnp.minimum(jnp.exp(log_ratio(constant[0], constant[1], dtype)), most)
    # Keep a NaN advantage, for which every comparison is false.
    weight = jnp.where(kept | jnp.isnan(constant[2]), ratio * constant[2], 0.0)
    return rounded(weighted(-weight, arrays[0]), dtype)


def topr(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    advantages: Float[Array, "*b"],
    *,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""REINFORCE for positive advantages, and truncated importance sampling for negative ones.

    $$L = -w A\, \ell, \qquad w = 1 \text{ where } A \ge 0, \quad w = \min(r, 1) \text{ where } A < 0$$

    with `w` as a constant. Bad answers that the policy has made unlikely have a small gradient.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        old_logp: `[*b]`, the same at sampling time.
        advantages: `[*b]`.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, not reduced, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import surrogates
        >>> logp, old_logp = jnp.log(jnp.array([0.1, 0.1])), jnp.log(jnp.array([0.5, 0.5]))
        >>> advantages = jnp.array([1.0, -1.0])
        >>> gradient = jax.grad(lambda x: surrogates.topr(x, old_logp, advantages).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [-1.   0.2]

    Source:
        TOPR, arXiv 2503.14286.
    """
    arrays, where, dtype = read_arrays("topr", where, logp=logp, old_logp=old_logp, advantages=advantages)
    ratio = jnp.minimum(jnp.exp(log_ratio(arrays[0], arrays[1], dtype)), 1.0)
    weight = jax.lax.stop_gradient(jnp.where(arrays[2] < 0, ratio * arrays[2], arrays[2]))
    return rounded(weighted(-weight, arrays[0]), dtype)


def dro(
    logp: Float[Array, "*b"],
    old_logp: Float[Array, "*b"],
    advantages: Float[Array, "*b"],
    *,
    beta: Number = 1.0,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""REINFORCE with a quadratic penalty on the log-ratio.

    $$L = -A\, \ell + \frac{\beta}{2} (\ell - \ell^{\mathrm{old}})^2$$

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        old_logp: `[*b]`, the same at sampling time.
        advantages: `[*b]`.
        beta: weight of the penalty, at least 0.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, not reduced, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or `beta` is below 0.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import surrogates
        >>> logp, old_logp = jnp.log(jnp.array([0.5, 0.9])), jnp.log(jnp.array([0.5, 0.1]))
        >>> gradient = jax.grad(lambda x: surrogates.dro(x, old_logp, jnp.ones(2)).sum())(logp)
        >>> print(np.asarray(gradient).round(2))
        [-1.   1.2]

    Source:
        DRO, arXiv 2405.19107. The penalty's log-ratio is not clipped, so that it always pulls back.
    """
    arrays, where, dtype = read_arrays("dro", where, logp=logp, old_logp=old_logp, advantages=advantages)
    weight = read_not_negative("dro", "beta", beta, arrays[0], usual="0 is REINFORCE.")
    d = difference(arrays[0], arrays[1])
    gain = weighted(-jax.lax.stop_gradient(arrays[2]), arrays[0])
    return rounded(gain + 0.5 * weight * jnp.square(d), dtype)
