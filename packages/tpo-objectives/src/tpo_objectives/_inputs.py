"""Checks and conversions of the arrays that objectives take, and the dtype of what they return."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float


class Inputs(NamedTuple):
    """The arrays of a call in at least float32, the mask of their entries, and the dtype of the result."""

    arrays: list[Float[Array, "*b"]]
    where: Bool[Array, "*b"] | None
    dtype: np.dtype


def read_arrays(caller: str, where: Any = None, **arrays: Any) -> Inputs:
    """Convert the arguments to arrays of one shape with at least float32.

    Float16 and bfloat16 have too few digits, and float16 too small a range, to compute a loss with. Entries
    that do not exist become 0, so that a NaN there reaches neither the losses nor the gradients.

    Raises:
        TypeError: an argument is not an array of floats, or `where` is not an array of bools.
        ValueError: the shapes differ. Broadcasting would silently give a wrong loss.
    """
    read = {name: as_array(caller, name, value) for name, value in arrays.items()}
    if len({array.shape for array in read.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in read.items())
        raise ValueError(
            f"{caller}: all arrays must have the same shape, got {shapes}. "
            "Sum token log-probs over each answer, or broadcast the scores, before the call."
        )
    for name, array in read.items():
        check_floating(caller, name, array)
    dtype = jnp.result_type(*read.values())
    wide = [array.astype(at_least_float32(dtype)) for array in read.values()]
    where = read_where(caller, where, next(iter(read.values())).shape)
    return Inputs([fill(array, where) for array in wide], where, dtype)


def read_group(caller: str, where: Any = None, **arrays: Any) -> Inputs:
    """Call `read_arrays`, and reject arrays without a candidate on the last axis."""
    read = read_arrays(caller, where, **arrays)
    for name, array in zip(arrays, read.arrays, strict=True):
        check_candidates(caller, name, array.shape)
    return read


def as_array(caller: str, name: str, value: Any) -> Array:
    """Convert an argument to an array.

    Raises:
        TypeError: it cannot be one.
    """
    try:
        return jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{caller}: {name} must be an array of floats, got a {type(value).__name__} that jnp.asarray "
            f"does not take: {error}"
        ) from None


def check_candidates(caller: str, name: str, shape: tuple[int, ...]) -> None:
    """Reject a shape without a candidate on the last axis.

    Raises:
        ValueError: there is none.
    """
    if not shape or shape[-1] == 0:
        raise ValueError(
            f"{caller}: the last axis of {name} must hold the candidates of a group, got shape "
            f"{shape}. Pass at least one candidate, as in shape (prompts, candidates)."
        )


def read_where(caller: str, where: Any, shape: tuple[int, ...]) -> Bool[Array, "*b"] | None:
    """Convert the mask of the entries that exist.

    Raises:
        TypeError: it is not an array of bools.
        ValueError: it does not have the shape of the log-probs.
    """
    if where is None:
        return None
    mask = as_array(caller, "where", where)
    if mask.dtype != bool:
        raise TypeError(
            f"{caller}: where must be an array of bools, got {mask.dtype}. Convert it, as in where > 0."
        )
    if mask.shape != shape:
        raise ValueError(
            f"{caller}: where must have the shape of logp, {shape}, got {mask.shape}. "
            "Use jnp.broadcast_to if one mask serves several rows."
        )
    return mask


def check_floating(caller: str, name: str, array: Array) -> None:
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{caller}: {name} must be floating point, got {array.dtype}. "
            f"Cast it, as in {name}.astype(jnp.float32)."
        )


def fill(array: Float[Array, "*b"], where: Bool[Array, "*b"] | None) -> Float[Array, "*b"]:
    """Replace the entries that do not exist with 0."""
    return array if where is None else jnp.where(where, array, 0.0)


def at_least_float32(dtype: np.dtype) -> np.dtype:
    """The dtype to compute with."""
    return dtype if jnp.finfo(dtype).bits >= 32 else np.dtype(np.float32)


def rounded(result: Float[Array, "*b"], dtype: np.dtype) -> Float[Array, "*b"]:
    """Cast a result to the dtype of the input. Values that are too large become its largest number."""
    if result.dtype == dtype:
        return result
    largest = float(jnp.finfo(dtype).max)
    excess = jnp.where(jnp.isinf(result), 0.0, result - jnp.clip(result, -largest, largest))
    # Subtract a constant so that the gradient is that of the result.
    return (result - jax.lax.stop_gradient(excess)).astype(dtype)
