"""Arrays that lie on the devices of several processes: their parts on the host, and the whole of them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np


class Parts(NamedTuple):
    """Pieces of some arrays; `places` has for each the array's number and where on its axes it begins."""

    places: list[list[int]]
    pieces: list[np.ndarray]


def own_parts(arrays: Sequence[jax.Array], columns: int | None = None) -> Parts:
    """The pieces that this process answers for: of copies on several devices, it is the first device's.

    So together, the processes hold every number once.

    Args:
        arrays: each process has the same, with other pieces.
        columns: how much of the second axis; by default all.
    """
    places, pieces = [], []
    for number, array in enumerate(arrays):
        for shard in array.addressable_shards:
            if shard.replica_id == 0:
                places.append([number, *(axis.start or 0 for axis in shard.index)])
                piece = np.asarray(shard.data)
                pieces.append(piece if columns is None else piece[:, :columns])
    return Parts(places, pieces)


def together(like: Sequence[Any], parts: Iterable[Parts]) -> list[np.ndarray]:
    """The whole arrays, of the shapes and dtypes of `like`, from the parts of all processes.

    >>> halves = [Parts([[0, 0]], [np.ones(2)]), Parts([[0, 2]], [np.zeros(1)])]
    >>> together([np.empty(3)], halves)
    [array([1., 1., 0.])]
    """
    whole = [np.empty(array.shape, array.dtype) for array in like]
    for places, pieces in parts:
        for (number, *starts), piece in zip(places, pieces, strict=True):
            extent = zip(starts, piece.shape, strict=True)
            whole[number][tuple(slice(start, start + size) for start, size in extent)] = piece
    return whole
