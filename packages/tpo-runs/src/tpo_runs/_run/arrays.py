"""The arrays of a training state by their paths: saved, restored and compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

# For each array: its path, shape and dtype.
Description = Sequence[Sequence[Any]]


def saved_arrays(state: PyTree) -> list[np.ndarray]:
    """The arrays of a state as they are saved: random keys as their bits."""
    return [
        np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf) for leaf in _leaves(state).values()
    ]


def restored_state(saved: Sequence[np.ndarray], like: PyTree) -> PyTree:
    """The state `like` with its arrays replaced by saved ones."""
    arrays, static = eqx.partition(like, eqx.is_array)
    loaded = [_restored(array, leaf) for array, leaf in zip(saved, jax.tree.leaves(arrays), strict=True)]
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), loaded), static)


def described(state: PyTree) -> list[list[Any]]:
    """The path, shape and dtype of each array of a state."""
    return [[path, list(leaf.shape), str(leaf.dtype)] for path, leaf in _leaves(state).items()]


def difference(there: Description, here: Description, place: str = "in that run") -> str:
    """Describe the first array that is missing on one side, or has another shape or dtype."""
    saved, now = ({path: f"{dtype}{shape}" for path, shape, dtype in side} for side in (there, here))
    for path in [*now, *saved]:
        if saved.get(path) != now.get(path):
            there_is, here_is = saved.get(path, "missing"), now.get(path, "missing")
            return f"{path or 'the state'} is {there_is} {place}, {here_is} in this run"
    return "" if [*saved] == [*now] else "their order differs"


def _leaves(state: PyTree) -> Mapping[str, Any]:
    with_paths, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(state, eqx.is_array))
    return {jax.tree_util.keystr(path): leaf for path, leaf in with_paths}


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _restored(saved: np.ndarray, like: Any) -> Array:
    if _is_key(like):
        return jax.random.wrap_key_data(jnp.array(saved, copy=True), impl=jax.random.key_impl(like))
    # NumPy loads dtypes that it does not know, such as bfloat16, as bytes. The copy is needed because the
    # compiled loop donates its arguments.
    return jnp.array(saved.view(like.dtype), copy=True)
