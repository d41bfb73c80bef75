"""Corrections for a sampler that differs from the trainer, for example in engine, precision or temperature.

Each function maps the trainer's log-probs at sampling time and those of the sampler, `[*b, k, t]`, to
constant weights of that shape. Pass them to an objective as `weights`.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._options import Number, read_positive
from ._ratio import log_ratio

__all__ = ["masked", "truncated"]


def truncated(
    old_logp: Float[Array, "*b"],
    sampler_logp: Float[Array, "*b"],
    *,
    cap: Number = 2.0,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""Truncated importance sampling (TIS).

    $$w = \min\left(\frac{\pi^{\mathrm{old}}}{\pi^{\mathrm{sampler}}},\ \mathrm{cap}\right)$$

    Args:
        old_logp: `[*b]`, log-probs in nats of the sampled tokens under the trainer's policy at sampling time.
        sampler_logp: `[*b]`, the same as computed by the sampler.
        cap: the largest weight, above 0.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, weights from 0 to `cap`, constant.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or `cap` is not one number.
        ValueError: the shapes differ, or `cap` is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import corrections
        >>> old_logp, sampler_logp = jnp.log(jnp.array([0.2, 0.9])), jnp.log(jnp.array([0.4, 0.1]))
        >>> print(corrections.truncated(old_logp, sampler_logp).round(2))
        [0.5 2. ]

    Source:
        arXiv 2510.18855.
    """
    arrays, _, dtype = read_arrays("truncated", where, old_logp=old_logp, sampler_logp=sampler_logp)
    most = read_positive("truncated", "cap", cap, arrays[0], usual=2.0)
    ratio = jnp.exp(log_ratio(arrays[0], arrays[1], dtype))
    return rounded(jax.lax.stop_gradient(jnp.minimum(ratio, most)), dtype)


def masked(
    old_logp: Float[Array, "*b"],
    sampler_logp: Float[Array, "*b"],
    *,
    low: Number = 0.5,
    high: Number = 5.0,
    where: Bool[Array, "*b"] | None = None,
) -> Float[Array, "*b"]:
    r"""Importance sampling that drops tokens on which trainer and sampler disagree (IcePop).

    $$w = \rho \cdot [\mathrm{low} \le \rho \le \mathrm{high}], \qquad
    \rho = \frac{\pi^{\mathrm{old}}}{\pi^{\mathrm{sampler}}}$$

    Args:
        old_logp: `[*b]`, log-probs in nats of the sampled tokens under the trainer's policy at sampling time.
        sampler_logp: `[*b]`, the same as computed by the sampler.
        low: the smallest ratio that is kept, above 0.
        high: the largest ratio that is kept, above 0.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, constant weights; 0 for dropped tokens.

    Raises:
        TypeError: an array holds integers, `where` does not hold bools, or an option is not one number.
        ValueError: the shapes differ, or an option is not above 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import corrections
        >>> old_logp, sampler_logp = jnp.log(jnp.array([0.3, 0.9])), jnp.log(jnp.array([0.4, 0.1]))
        >>> print(corrections.masked(old_logp, sampler_logp).round(2))
        [0.75 0.  ]

    Source:
        IcePop, arXiv 2510.18855.
    """
    arrays, _, dtype = read_arrays("masked", where, old_logp=old_logp, sampler_logp=sampler_logp)
    least = read_positive("masked", "low", low, arrays[0], usual=0.5)
    most = read_positive("masked", "high", high, arrays[0], usual=5.0)
    ratio = jnp.exp(log_ratio(arrays[0], arrays[1], dtype))
    # Not a product, so that a NaN stays NaN.
    dropped = (ratio < least) | (ratio > most)
    return rounded(jax.lax.stop_gradient(jnp.where(dropped, 0.0, ratio)), dtype)
