"""Helpers for NumPy and JAX arrays. Tasks compute with the library of their arguments."""

import types
from typing import Any, TypeAlias

import numpy as np

# A NumPy array, a JAX array or a JAX tracer. jaxtyping still checks shapes and dtypes.
AnyArray: TypeAlias = Any


def namespace(*arrays: AnyArray) -> types.ModuleType | Any:
    """The array library of the arguments: NumPy if all are NumPy arrays, else JAX.

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
    """Check that all axes but the last broadcast.

    Raises:
        ValueError: if they do not; the message has the name and shape of each array.
    """
    try:
        np.broadcast_shapes(*(shape[:-1] for shape in shapes.values()))
    except ValueError:
        found = " and ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(
            f"the leading axes must be equal or 1, as NumPy broadcasts them; got {found}"
        ) from None


def check_tokens(name: str, tokens: AnyArray, length: int) -> None:
    """Check that `tokens` is an integer array `[..., length]`. Works under `jax.jit`.

    Raises:
        TypeError: if it is not an array of integers.
        ValueError: if the last axis has another length.
    """
    shape, dtype = getattr(tokens, "shape", None), getattr(tokens, "dtype", None)
    expected = f"{name} must be integer tokens [..., {length}]"
    known = isinstance(tokens, np.ndarray | np.generic) or hasattr(tokens, "__array_namespace__")
    if shape is None or dtype is None or not known:
        raise TypeError(f"{expected}, as a NumPy or JAX array; got {type(tokens).__name__}")
    if not is_integer(dtype):
        raise TypeError(f"{expected}; got dtype {dtype}")
    if not shape or shape[-1] != length:
        raise ValueError(f"{expected}; got shape {tuple(shape)}")


def check_candidates(name: str, candidates: AnyArray, length: int) -> None:
    """Check that `candidates` is an integer array `[..., length, k]`; raises like `check_tokens`."""
    shape = tuple(getattr(candidates, "shape", ()))
    if hasattr(candidates, "shape") and (len(shape) < 2 or shape[-2] != length):
        raise ValueError(f"{name} must be integer tokens [..., {length}, k]; got shape {shape}")
    check_tokens(name, candidates, shape[-1] if shape else length)


def is_integer(dtype: Any) -> bool:
    """Whether a NumPy or JAX dtype is an integer type. Booleans and durations do not count.

    Example:
        >>> is_integer(np.dtype("uint8")), is_integer(np.dtype(bool)), is_integer(np.dtype("m8[s]"))
        (True, False, False)
    """
    # NumPy does not know JAX's 2-bit and 4-bit integers.
    small = ("int2", "int4", "uint2", "uint4")
    return getattr(dtype, "kind", "") in ("i", "u") or getattr(dtype, "name", "") in small


def widen(tokens: AnyArray) -> AnyArray:
    """Convert tokens to signed 32-bit or 64-bit integers, so that their sums do not overflow.

    Example:
        >>> tokens = widen(np.array([200, 100], np.uint8))
        >>> (tokens + tokens).tolist(), tokens.dtype.name
        ([400, 200], 'int32')
    """
    wide = np.dtype(np.int64 if tokens.dtype.itemsize == 8 else np.int32)
    return tokens if tokens.dtype == wide else tokens.astype(wide)


def fill_after_end(answers: AnyArray, end: int | None) -> AnyArray:
    """Replace every token after the first end token with an end token.

    Example:
        >>> fill_after_end(np.array([[0, 2, 1, 0], [0, 1, 0, 1]]), 2).tolist()
        [[0, 2, 2, 2], [0, 1, 0, 1]]
    """
    if end is None:
        return answers
    xp = namespace(answers)
    ended = xp.cumsum(answers == end, axis=-1) > 0
    return xp.where(ended, xp.asarray(end, answers.dtype), answers)
