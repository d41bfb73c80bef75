"""Sums, means and softmaxes over the entries of a group that exist.

With `where=None`, each function is the plain operation, so results without a mask keep their exact bits.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def count(where: Bool[Array, "*b k"], dtype: jnp.dtype) -> Float[Array, "*b 1"]:
    """The number of entries that exist along the last axis, and 1 where there is none."""
    return jnp.maximum(jnp.sum(where, axis=-1, keepdims=True), 1).astype(dtype)


def size(values: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None) -> Float[Array, "*#b 1"]:
    """The number of entries that exist along the last axis, and 1 where there is none."""
    if where is None:
        return jnp.full((1,) * values.ndim, float(values.shape[-1]), values.dtype)
    return count(where, values.dtype)


def mean(values: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None) -> Float[Array, "*b 1"]:
    """The mean over the last axis, and 0 where nothing exists."""
    if where is None:
        return jnp.mean(values, axis=-1, keepdims=True)
    total = jnp.sum(jnp.where(where, values, 0.0), axis=-1, keepdims=True)
    return total / count(where, values.dtype)


def largest(values: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None) -> Float[Array, "*b 1"]:
    """The largest entry along the last axis, and 0 where nothing exists."""
    if where is None:
        return jnp.max(values, axis=-1, keepdims=True)
    found = jnp.max(jnp.where(where, values, -jnp.inf), axis=-1, keepdims=True)
    return jnp.where(jnp.any(where, axis=-1, keepdims=True), found, 0.0)


def smallest(values: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None) -> Float[Array, "*b 1"]:
    """The smallest entry along the last axis, and 0 where nothing exists."""
    if where is None:
        return jnp.min(values, axis=-1, keepdims=True)
    return -largest(-values, where)


def log_softmax(logits: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None) -> Float[Array, "*b k"]:
    """The log-softmax over the entries that exist; minus infinity elsewhere, and 0 if nothing exists."""
    if where is None:
        return jax.nn.log_softmax(logits, axis=-1)
    return jax.nn.log_softmax(_only(logits, where), axis=-1)


def softmax(logits: Float[Array, "*b k"], where: Bool[Array, "*b k"] | None) -> Float[Array, "*b k"]:
    """The softmax over the entries that exist; 0 elsewhere."""
    if where is None:
        return jax.nn.softmax(logits, axis=-1)
    return jnp.where(where, jax.nn.softmax(_only(logits, where), axis=-1), 0.0)


def _only(logits: Float[Array, "*b k"], where: Bool[Array, "*b k"]) -> Float[Array, "*b k"]:
    # In an empty group, use all entries: a softmax over nothing would be NaN.
    nothing = ~jnp.any(where, axis=-1, keepdims=True)
    return jnp.where(where | nothing, logits, -jnp.inf)
