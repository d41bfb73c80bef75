"""Checks and conversions of groups of answers with log-probs for each token."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._inputs import as_array, at_least_float32, check_candidates, check_floating, fill, read_where


class Answers(NamedTuple):
    """A batch of groups of answers, with log-probs for each token."""

    logp: Float[Array, "*b k t"]
    old_logp: Float[Array, "*b k t"]
    scores: Float[Array, "*b k"]
    where: Bool[Array, "*b k t"] | None
    exists: Bool[Array, "*b k"] | None
    dtype: np.dtype


def read_answers(caller: str, where: Any, logp: Any, old_logp: Any, scores: Any) -> Answers:
    """Convert log-probs `[*b, k, t]` and scores `[*b, k]`; log-probs `[*b, k]` are answers of one token.

    Raises:
        TypeError: an argument is not an array of floats, or `where` is not an array of bools.
        ValueError: the shapes do not fit.
    """
    arrays = {"logp": logp, "old_logp": old_logp, "scores": scores}
    read = {name: as_array(caller, name, value) for name, value in arrays.items()}
    for name, array in read.items():
        check_floating(caller, name, array)
    shape, group = read["logp"].shape, read["scores"].shape
    if read["old_logp"].shape != shape or group not in (shape, shape[:-1]):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in read.items())
        raise ValueError(
            f"{caller}: logp and old_logp must have the shape (prompts, candidates, tokens), and scores "
            f"(prompts, candidates), got {shapes}. Pass one score per answer."
        )
    check_candidates(caller, "scores", group)
    where = read_where(caller, where, shape)
    dtype = jnp.result_type(*read.values())
    wide = {name: array.astype(at_least_float32(dtype)) for name, array in read.items()}
    now, old = fill(wide["logp"], where), fill(wide["old_logp"], where)
    if group == shape:
        now, old = now[..., None], old[..., None]
        where = None if where is None else where[..., None]
    exists = None if where is None else jnp.any(where, axis=-1)
    return Answers(now, old, jax.lax.stop_gradient(fill(wide["scores"], exists)), where, exists, dtype)


def read_tokens(caller: str, name: str, value: Any, like: Answers) -> Float[Array, "*b k t"]:
    """Convert one more array that has a value for each token.

    Raises:
        TypeError: it is not an array of floats.
        ValueError: it does not have the shape of the log-probs.
    """
    array = as_array(caller, name, value)
    check_floating(caller, name, array)
    if array.shape not in ((shape := like.logp.shape), shape[:-1] if shape[-1] == 1 else shape):
        raise ValueError(
            f"{caller}: {name} must have the shape of logp, {shape}, got {array.shape}. "
            "Pass one value per token."
        )
    return fill(array.reshape(shape).astype(like.logp.dtype), like.where)
