"""Divergences between a fixed target and the policy, two distributions over a group.

Each takes the log-probs of the target, which are constants, and the logits of the policy, and returns one
number per group. Entries that do not exist are left out, and an empty group gives 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import fill
from ._masked import log_softmax, mean, softmax
from ._weighted import weighted

# The exponential of this vanishes in every sum of probabilities. Clip log-probs here, so that 0 times minus
# infinity is 0 in values and gradients.
LEAST_LOG_PROB = -100.0


def forward_kl(
    target: Float[Array, "*b k"], logits: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None
) -> Float[Array, "*b"]:
    """`KL(q || p)`. Its gradient in the logits is `p - q`."""
    q = fill(jnp.exp(target), where)
    return jnp.sum(weighted(q, target) + weighted(-q, log_softmax(logits, where)), axis=-1)


def reverse_kl(
    target: Float[Array, "*b k"], logits: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None
) -> Float[Array, "*b"]:
    """`KL(p || q)`. Its gradient in the logits is `p (g - sum p g)`, with `g = log p - log q`."""
    p, log_p = _policy(logits, where)
    return jnp.sum(p * fill(log_p - target, where), axis=-1)


def jensen_shannon(
    target: Float[Array, "*b k"], logits: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None
) -> Float[Array, "*b"]:
    """`(KL(q || m) + KL(p || m)) / 2` with `m = (p + q) / 2`, at most `log 2`."""
    p, log_p = _policy(logits, where)
    q, log_q = fill(jnp.exp(target), where), fill(jnp.maximum(target, LEAST_LOG_PROB), where)
    middle = jnp.logaddexp(log_p, log_q) - jnp.log(2.0)
    return 0.5 * jnp.sum(q * (log_q - middle) + p * (log_p - middle), axis=-1)


def mean_square(
    target: Float[Array, "*b k"], logits: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None
) -> Float[Array, "*b"]:
    """The mean of `(p - q)^2` over the group."""
    gap = softmax(logits, where) - fill(jnp.exp(target), where)
    return mean(jnp.square(gap), where)[..., 0]


def _policy(
    logits: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None
) -> tuple[Float[Array, "*b k"], Float[Array, "*b k"]]:
    log_p = jnp.maximum(log_softmax(logits, where), LEAST_LOG_PROB)
    return softmax(logits, where), fill(log_p, where)
