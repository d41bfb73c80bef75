"""What every objective asks of its input, and the precision that it computes with."""

import math
import numbers
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real

Number: TypeAlias = float | int | np.generic | Real[np.ndarray, ""] | Real[Array, ""]


def read_arrays(where: str, **arrays: Any) -> tuple[list[Float[Array, "*b"]], np.dtype]:
    """The arrays with at least float32, and the dtype of the result.

    Float16 and bfloat16 have too few digits, and float16 too small a range, to compute a loss with.

    Raises:
        TypeError: an argument is no array of floats.
        ValueError: the shapes differ, and would broadcast to a wrong loss in silence.
    """
    read = {name: _array(where, name, value) for name, value in arrays.items()}
    if len({array.shape for array in read.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in read.items())
        raise ValueError(
            f"{where}: all arrays must have the same shape, got {shapes}. "
            "Sum token log-probs over each answer, or broadcast the scores, before the call."
        )
    for name, array in read.items():
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(
                f"{where}: {name} must be floating point, got {array.dtype}. "
                f"Cast it, as in {name}.astype(jnp.float32)."
            )
    dtype = jnp.result_type(*read.values())
    return [array.astype(at_least_float32(dtype)) for array in read.values()], dtype


def read_group(where: str, **arrays: Any) -> tuple[list[Float[Array, "*b k"]], np.dtype]:
    """As `read_arrays`, and refuses arrays with no candidate on the last axis."""
    read, dtype = read_arrays(where, **arrays)
    for name, array in zip(arrays, read, strict=True):
        if array.ndim == 0 or array.shape[-1] == 0:
            raise ValueError(
                f"{where}: the last axis of {name} must hold the candidates of a group, got shape "
                f"{array.shape}. Pass at least one candidate, as in shape (prompts, candidates)."
            )
    return read, dtype


def at_least_float32(dtype: np.dtype) -> np.dtype:
    """The dtype to compute with."""
    return dtype if jnp.finfo(dtype).bits >= 32 else np.dtype(np.float32)


def rounded(result: Float[Array, "*b"], dtype: np.dtype) -> Float[Array, "*b"]:
    """A result in the dtype of the input. What is too large for it becomes its largest number."""
    if result.dtype == dtype:
        return result
    largest = float(jnp.finfo(dtype).max)
    excess = jnp.where(jnp.isinf(result), 0.0, result - jnp.clip(result, -largest, largest))
    # Subtracted as a constant: the gradient is that of the result.
    return (result - jax.lax.stop_gradient(excess)).astype(dtype)


def read_positive(where: str, name: str, value: Any, like: Array, *, usual: float) -> Any:
    """A hyperparameter above 0, as a constant that does not change the dtype of `like`.

    Raises:
        TypeError: it is not one number.
        ValueError: it is zero, negative, infinite or not a number. What a `jax.Array` holds is not looked at.
    """
    number = _number(where, name, value, like)
    if isinstance(number, float) and not (number > 0 and math.isfinite(number)):
        raise ValueError(
            f"{where}: {name} must be finite and above 0, got {value}. The paper's value is {usual}."
        )
    return number


def read_not_negative(where: str, name: str, value: Any, like: Array, *, usual: str) -> Any:
    """As `read_positive`, of a hyperparameter that may be 0."""
    number = _number(where, name, value, like)
    if isinstance(number, float) and not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"{where}: {name} must be finite and at least 0, got {value}. {usual}")
    return number


def read_switch(where: str, name: str, value: Any) -> bool:
    """An option that decides what is computed.

    Raises:
        TypeError: it is not True or False, such as a traced value.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"{where}: {name} must be True or False, got {value!r}. Under jax.jit, make it static, as in "
            f'static_argnames="{name}".'
        )
    return bool(value)


def _array(where: str, name: str, value: Any) -> Array:
    try:
        return jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{where}: {name} must be an array of floats, got a {type(value).__name__} that jnp.asarray "
            f"does not take: {error}"
        ) from None


def _number(where: str, name: str, value: Any, like: Array) -> Any:
    if isinstance(value, np.generic | np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if isinstance(value, jax.Array) and value.ndim == 0 and _is_real(value):
        return jax.lax.stop_gradient(value.astype(like.dtype))
    got = f"{value.dtype} of shape {value.shape}" if hasattr(value, "shape") else repr(value)
    raise TypeError(f"{where}: {name} must be one number, got {got}. For several values, use jax.vmap.")


def _is_real(value: Array) -> bool:
    return jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
