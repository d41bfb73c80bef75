r"""Estimators of the KL divergence from a reference, for each sampled token.

For tokens sampled from the policy and $x = \ell - \ell^{\mathrm{ref}}$, the mean of each estimator is the
reverse KL $\mathrm{KL}(\pi \,\|\, \pi^{\mathrm{ref}})$. Used as a loss, they have different **gradients** in
`logp`:

| estimator | gradient | its mean on policy |
|---|---|---|
| `k1` | 1 for every token | 0: it teaches nothing |
| `k2` | `x` | the gradient of the reverse KL |
| `k3` | `1 - exp(-x)` | the gradient of the forward KL $\mathrm{KL}(\pi^{\mathrm{ref}} \,\|\, \pi)$ |

Source: Schulman 2020, "Approximating KL divergence". The log-ratio is clipped to [-20, 20].
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._inputs import read_arrays, rounded
from ._ratio import difference, log_ratio

__all__ = ["k1", "k2", "k3"]


def k1(
    logp: Float[Array, "*b"], ref_logp: Float[Array, "*b"], *, where: Bool[Array, "*b"] | None = None
) -> Float[Array, "*b"]:
    r"""The log-ratio itself, $x$.

    It is unbiased but has a large variance. As a loss on policy, its mean gradient is 0.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        ref_logp: `[*b]`, the same under the reference. Constant.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, in nats, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import kl
        >>> print(kl.k1(jnp.array([-1.0, -2.0]), jnp.array([-1.0, -1.0])))
        [ 0. -1.]
    """
    arrays, _, dtype = read_arrays("k1", where, logp=logp, ref_logp=ref_logp)
    return rounded(log_ratio(arrays[0], arrays[1], dtype), dtype)


def k2(
    logp: Float[Array, "*b"], ref_logp: Float[Array, "*b"], *, where: Bool[Array, "*b"] | None = None
) -> Float[Array, "*b"]:
    r"""Half the square of the log-ratio, $x^2 / 2$.

    As a loss on policy, it has the gradient of the reverse KL.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        ref_logp: `[*b]`, the same under the reference. Constant.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, in nats, at least 0, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import kl
        >>> print(kl.k2(jnp.array([-1.0, -2.0]), jnp.array([-1.0, -1.0])))
        [0.  0.5]
    """
    arrays, _, dtype = read_arrays("k2", where, logp=logp, ref_logp=ref_logp)
    return rounded(0.5 * jnp.square(log_ratio(arrays[0], arrays[1], dtype)), dtype)


def k3(
    logp: Float[Array, "*b"], ref_logp: Float[Array, "*b"], *, where: Bool[Array, "*b"] | None = None
) -> Float[Array, "*b"]:
    r"""The sum $e^{-x} + x - 1$, which is unbiased and never negative.

    As a loss on policy, it has the gradient of the forward KL.

    Args:
        logp: `[*b]`, log-probs in nats under the current policy.
        ref_logp: `[*b]`, the same under the reference. Constant.
        where: `[*b]`, which entries exist; all by default.

    Returns:
        `[*b]`, in nats, at least 0, and 0 at entries that do not exist.

    Raises:
        TypeError: an array holds integers, or `where` does not hold bools.
        ValueError: the shapes differ.

    Example:
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import kl
        >>> print(np.asarray(kl.k3(jnp.array([-1.0, -2.0]), jnp.array([-1.0, -1.0]))).round(2))
        [0.   0.72]
    """
    arrays, _, dtype = read_arrays("k3", where, logp=logp, ref_logp=ref_logp)
    return rounded(_k3(arrays[0], jax.lax.stop_gradient(arrays[1]), dtype), dtype)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _k3(logp: Float[Array, "*b"], ref_logp: Float[Array, "*b"], dtype: np.dtype) -> Float[Array, "*b"]:
    d = log_ratio(logp, ref_logp, dtype)
    # expm1 keeps digits that exp(-d) - 1 would lose near a ratio of 1.
    return jnp.expm1(-d) + d


@_k3.defjvp
def _k3_jvp(dtype, primals, tangents):
    # Value and slope share one exponential, which takes most of the time.
    d = log_ratio(primals[0], primals[1], dtype)
    change = jnp.expm1(-d)
    within = d == difference(primals[0], primals[1])
    return change + d, jnp.where(within, -change, 0.0) * tangents[0]
