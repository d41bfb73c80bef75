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
    known = isinstance(tokens, np.ndarray | np.generic) or hasattr(tokens, "__array_namespace__")
    if shape is None or dtype is None or not known:
        raise TypeError(f"{expected}, as an array of NumPy or JAX; got {type(tokens).__name__}")
    if not is_integer(dtype):
        raise TypeError(f"{expected}; got dtype {dtype}")
    if not shape or shape[-1] != length:
        raise ValueError(f"{expected}; got shape {tuple(shape)}")


def check_candidates(name: str, candidates: AnyArray, length: int) -> None:
    """Refuse what is no integer array `[..., length, k]`; raises as `check_tokens` does."""
    shape = tuple(getattr(candidates, "shape", ()))
    if hasattr(candidates, "shape") and (len(shape) < 2 or shape[-2] != length):
        raise ValueError(f"{name} must be integer tokens [..., {length}, k]; got shape {shape}")
    check_tokens(name, candidates, shape[-1] if shape else length)


def is_integer(dtype: Any) -> bool:
    """Whether a dtype of NumPy or JAX holds integers; booleans and durations are none.

    Example:
        >>> is_integer(np.dtype("uint8")), is_integer(np.dtype(bool)), is_integer(np.dtype("m8[s]"))
        (True, False, False)
    """
    # JAX's integers of a few bits are no kind of NumPy's.
    small = ("int2", "int4", "uint2", "uint4")
    return getattr(dtype, "kind", "") in ("i", "u") or getattr(dtype, "name", "") in small


def widen(tokens: AnyArray) -> AnyArray:
    """Tokens as signed integers of 32 or 64 bits, so that sums of them do not overflow.

    Example:
        >>> tokens = widen(np.array([200, 100], np.uint8))
        >>> (tokens + tokens).tolist(), tokens.dtype.name
        ([400, 200], 'int32')
    """
    wide = np.dtype(np.int64 if tokens.dtype.itemsize == 8 else np.int32)
    return tokens if tokens.dtype == wide else tokens.astype(wide)
