"""What every objective asks of its input. Shapes and dtypes only, so it costs nothing once compiled."""

import math

import jax.numpy as jnp
from jaxtyping import Array


def check_arrays(where: str, **arrays: Array) -> None:
    """Refuses arrays of different shapes, which would broadcast to a wrong loss in silence, and integers."""
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(
            f"{where}: all arrays must have the same shape, got {shapes}. "
            "Sum token log-probs over each answer, or broadcast the scores, before the call."
        )
    for name, array in arrays.items():
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise TypeError(
                f"{where}: {name} must be floating point, got {array.dtype}. "
                f"Cast it, as in {name}.astype(jnp.float32)."
            )


def check_group(where: str, **arrays: Array) -> None:
    """Refuses what `check_arrays` refuses, and arrays with no candidate on the last axis."""
    check_arrays(where, **arrays)
    for name, array in arrays.items():
        if array.ndim == 0 or array.shape[-1] == 0:
            raise ValueError(
                f"{where}: the last axis of {name} must hold the candidates of a group, got shape "
                f"{array.shape}. Pass at least one candidate, as in shape (prompts, candidates)."
            )


def check_positive(where: str, name: str, value: float, usual: float) -> None:
    """Refuses a hyperparameter that is zero, negative, infinite or not a number."""
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(
            f"{where}: {name} must be finite and above 0, got {value}. The paper's value is {usual}."
        )
