"""Arrays of NumPy or of JAX: the tasks compute with the library of what they are given."""

import types
from typing import Any, TypeAlias

import numpy as np

# A NumPy array, a JAX array or a JAX tracer. The shape and the kind of number are still checked.
AnyArray: TypeAlias = Any


def namespace(*arrays: AnyArray) -> types.ModuleType | Any:
    """The library that computes with these arrays: NumPy if all are NumPy's, else JAX.

    Example:
        >>> import numpy as np
        >>> namespace(np.zeros(2)).__name__
        'numpy'
    """
    for array in arrays:
        if not isinstance(array, np.ndarray | np.generic):
            return array.__array_namespace__()
    return np


def check_broadcast(**shapes: tuple[int, ...]) -> None:
    """Refuse arrays whose leading axes do not fit together.

    Raises:
        ValueError: with the name and the shape of each.
    """
    try:
        np.broadcast_shapes(*shapes.values())
    except ValueError:
        found = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(
            f"the leading axes must be equal or 1, as NumPy broadcasts them; got {found}"
        ) from None


def check_tokens(name: str, tokens: AnyArray, length: int) -> None:
    """Refuse what is no integer array `[..., length]`; under `jax.jit` too, where values are unknown.

    Raises:
        TypeError: not an array, or not of integers.
        ValueError: the last axis has another length.
    """
    shape, dtype = getattr(tokens, "shape", None), getattr(tokens, "dtype", None)
    expected = f"{name} must be integer tokens [..., {length}]"
    if shape is None or dtype is None:
        raise TypeError(f"{expected}, as an array of NumPy or JAX; got {type(tokens).__name__}")
    if not np.issubdtype(dtype, np.integer):
        raise TypeError(f"{expected}; got dtype {dtype}")
    if not shape or shape[-1] != length:
        raise ValueError(f"{expected}; got shape {tuple(shape)}")
