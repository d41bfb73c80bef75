"""The temperature at which a tilted distribution has a given KL divergence from its start."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._masked import log_softmax

COLDEST, HOTTEST = 1e-3, 1e3
# Each halving gains a bit: 40 of them resolve the temperature more finely than float32.
HALVINGS = 40


def temperature_of_kl(
    log_start: Float[Array, "*b k"], tilt: Float[Array, "*b k"], kl: Any, where: Bool[Array, "*b k"] | None
) -> Float[Array, "*b 1"]:
    """The `eta` with `KL(q || p) = kl` for `q = softmax(log p + tilt / eta)`, within its bounds.

    The divergence never increases with `eta`, so bisection finds it. If no temperature reaches `kl`, a group
    gets the lowest one.
    """

    def halve(_, bounds):
        low, high = bounds
        middle = 0.5 * (low + high)
        too_cold = _kl(log_start, tilt / jnp.exp(middle), where) > kl
        return jnp.where(too_cold, middle, low), jnp.where(too_cold, high, middle)

    shape = (*tilt.shape[:-1], 1)
    bounds = tuple(jnp.full(shape, jnp.log(bound), tilt.dtype) for bound in (COLDEST, HOTTEST))
    low, high = jax.lax.fori_loop(0, HALVINGS, halve, bounds)
    return jax.lax.stop_gradient(jnp.exp(0.5 * (low + high)))


def _kl(
    log_start: Float[Array, "*b k"], tilt: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None
) -> Float[Array, "*b 1"]:
    log_target = log_softmax(log_start + tilt, where)
    target = jnp.exp(log_target)
    # Where the target is 0, both logarithms may be infinite, but the term is 0.
    terms = jnp.where(target > 0, target * (log_target - log_start), 0.0)
    return jnp.sum(terms, axis=-1, keepdims=True)
