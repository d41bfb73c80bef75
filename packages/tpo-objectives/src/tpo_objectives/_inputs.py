"""Checks and conversions of the inputs that all objectives share."""

import math
import numbers
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Real

Number: TypeAlias = float | int | np.generic | Real[np.ndarray, ""] | Real[Array, ""]


class Inputs(NamedTuple):
    """The arrays of a call with at least float32, what exists of them, and the dtype of the result."""

    arrays: list[Float[Array, "*b"]]
    where: Bool[Array, "*b"] | None
    dtype: np.dtype


class Answers(NamedTuple):
    """A batch of groups of answers, with log-probs for each token."""

    logp: Float[Array, "*b k t"]
    old_logp: Float[Array, "*b k t"]
    scores: Float[Array, "*b k"]
    where: Bool[Array, "*b k t"] | None
    exists: Bool[Array, "*b k"] | None
    dtype: np.dtype


def read_arrays(caller: str, where: Any = None, **arrays: Any) -> Inputs:
    """Convert the arguments to arrays of one shape with at least float32.

    Float16 and bfloat16 have too few digits, and float16 too small a range, to compute a loss with. Entries
    that do not exist become 0, so that a NaN there reaches neither the losses nor the gradients.

    Raises:
        TypeError: an argument is not an array of floats, or `where` not one of bools.
        ValueError: the shapes differ. Broadcasting them would give a wrong loss without a message.
    """
    read = {name: as_array(caller, name, value) for name, value in arrays.items()}
    if len({array.shape for array in read.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in read.items())
        raise ValueError(
            f"{caller}: all arrays must have the same shape, got {shapes}. "
            "Sum token log-probs over each answer, or broadcast the scores, before the call."
        )
    for name, array in read.items():
        _check_floating(caller, name, array)
    dtype = jnp.result_type(*read.values())
    wide = [array.astype(at_least_float32(dtype)) for array in read.values()]
    where = read_where(caller, where, next(iter(read.values())).shape)
    return Inputs([fill(array, where) for array in wide], where, dtype)


def read_group(caller: str, where: Any = None, **arrays: Any) -> Inputs:
    """Do what `read_arrays` does, and refuse arrays without a candidate on the last axis."""
    read = read_arrays(caller, where, **arrays)
    for name, array in zip(arrays, read.arrays, strict=True):
        check_candidates(caller, name, array.shape)
    return read


def read_answers(caller: str, where: Any, logp: Any, old_logp: Any, scores: Any) -> Answers:
    """Convert log-probs `[*b, k, t]` and scores `[*b, k]`; log-probs `[*b, k]` are answers of one token.

    Raises:
        TypeError: an argument is not an array of floats, or `where` not one of bools.
        ValueError: the shapes do not fit.
    """
    arrays = {"logp": logp, "old_logp": old_logp, "scores": scores}
    read = {name: as_array(caller, name, value) for name, value in arrays.items()}
    for name, array in read.items():
        _check_floating(caller, name, array)
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
        ValueError: it has not the shape of the log-probs.
    """
    array = as_array(caller, name, value)
    _check_floating(caller, name, array)
    if array.shape not in ((shape := like.logp.shape), shape[:-1] if shape[-1] == 1 else shape):
        raise ValueError(
            f"{caller}: {name} must have the shape of logp, {shape}, got {array.shape}. "
            "Pass one value per token."
        )
    return fill(array.reshape(shape).astype(like.logp.dtype), like.where)


def check_candidates(caller: str, name: str, shape: tuple[int, ...]) -> None:
    """Refuse a shape without a candidate on the last axis.

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
        ValueError: it has not the shape of the log-probs.
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


def fill(array: Float[Array, "*b"], where: Bool[Array, "*b"] | None) -> Float[Array, "*b"]:
    """Replace the entries that do not exist by 0."""
    return array if where is None else jnp.where(where, array, 0.0)


def _check_floating(caller: str, name: str, array: Array) -> None:
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{caller}: {name} must be floating point, got {array.dtype}. "
            f"Cast it, as in {name}.astype(jnp.float32)."
        )


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


def read_positive(caller: str, name: str, value: Any, like: Array, *, usual: float | str) -> Any:
    """A hyperparameter above 0, as a constant that does not change the dtype of `like`.

    Raises:
        TypeError: it is not one number.
        ValueError: it is zero, negative, infinite or not a number. What a `jax.Array` holds is not looked at.
    """
    number = _number(caller, name, value, like)
    if isinstance(number, float) and not (number > 0 and math.isfinite(number)):
        hint = usual if isinstance(usual, str) else f"The paper's value is {usual}."
        raise ValueError(f"{caller}: {name} must be finite and above 0, got {value}. {hint}")
    return number


def read_not_negative(caller: str, name: str, value: Any, like: Array, *, usual: str) -> Any:
    """As `read_positive`, of a hyperparameter that may be 0."""
    number = _number(caller, name, value, like)
    if isinstance(number, float) and not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"{caller}: {name} must be finite and at least 0, got {value}. {usual}")
    return number


def read_share(caller: str, name: str, value: Any, like: Array) -> Any:
    """As `read_positive`, of a hyperparameter from 0 to 1."""
    number = _number(caller, name, value, like)
    if isinstance(number, float) and not 0 <= number <= 1:
        raise ValueError(f"{caller}: {name} must be from 0 to 1, got {value}.")
    return number


def read_choice(caller: str, name: str, value: Any, choices: tuple[str, ...]) -> str:
    """An option that is one of several names.

    Raises:
        TypeError: it is not a string, such as a traced value.
        ValueError: there is no such name.
    """
    if not isinstance(value, str):
        raise TypeError(
            f"{caller}: {name} must be one of {', '.join(choices)}, got {value!r}. Under jax.jit, make it "
            f'static, as in static_argnames="{name}".'
        )
    if value not in choices:
        raise ValueError(f"{caller}: {name} must be one of {', '.join(choices)}, got {value!r}.")
    return value


def read_switch(caller: str, name: str, value: Any) -> bool:
    """An option that is True or False.

    Raises:
        TypeError: it is neither, such as a traced value.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"{caller}: {name} must be True or False, got {value!r}. Under jax.jit, make it static, as in "
            f'static_argnames="{name}".'
        )
    return bool(value)


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


def _number(caller: str, name: str, value: Any, like: Array) -> Any:
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
    raise TypeError(f"{caller}: {name} must be one number, got {got}. For several values, use jax.vmap.")


def _is_real(value: Array) -> bool:
    return jnp.issubdtype(value.dtype, jnp.floating) or jnp.issubdtype(value.dtype, jnp.integer)
