"""Checks of the hyperparameters that objectives take."""

import math
import numbers
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Real

Number: TypeAlias = float | int | np.generic | Real[np.ndarray, ""] | Real[Array, ""]


def read_positive(caller: str, name: str, value: Any, like: Array, *, usual: float | str) -> Any:
    """A hyperparameter above 0, as a constant that does not change the dtype of `like`.

    Raises:
        TypeError: it is not one number.
        ValueError: it is zero, negative, infinite or not a number. The value of a `jax.Array` is not checked.
    """
    number = _number(caller, name, value, like)
    if isinstance(number, float) and not (number > 0 and math.isfinite(number)):
        hint = usual if isinstance(usual, str) else f"The paper's value is {usual}."
        raise ValueError(f"{caller}: {name} must be finite and above 0, got {value}. {hint}")
    return number


def read_not_negative(caller: str, name: str, value: Any, like: Array, *, usual: str) -> Any:
    """Like `read_positive`, for a hyperparameter that may be 0."""
    number = _number(caller, name, value, like)
    if isinstance(number, float) and not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"{caller}: {name} must be finite and at least 0, got {value}. {usual}")
    return number


def read_share(caller: str, name: str, value: Any, like: Array) -> Any:
    """Like `read_positive`, for a hyperparameter from 0 to 1."""
    number = _number(caller, name, value, like)
    if isinstance(number, float) and not 0 <= number <= 1:
        raise ValueError(f"{caller}: {name} must be from 0 to 1, got {value}.")
    return number


def read_choice(caller: str, name: str, value: Any, choices: tuple[str, ...]) -> str:
    """An option that is one of several names.

    Raises:
        TypeError: it is not a string, for example a traced value.
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
        TypeError: it is neither, for example a traced value.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(
            f"{caller}: {name} must be True or False, got {value!r}. Under jax.jit, make it static, as in "
            f'static_argnames="{name}".'
        )
    return bool(value)


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
