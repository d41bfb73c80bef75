"""The saved states of a block of seeds, each in its place in the store."""

from collections.abc import Sequence

from .._config import Cell
from .._store import Store
from .checkpoint import Checkpoints


def checkpoints_of(store: Store, cell: Cell, seeds: Sequence[int]) -> Checkpoints:
    """The checkpoints of a block of seeds in training."""
    return Checkpoints(store.checkpoints(cell.key, seeds), {"cell": cell.identity(), "seeds": list(seeds)})


def kept_policies(store: Store, key: str, seeds: Sequence[int]) -> Checkpoints:
    """The trained parameters of a block of seeds."""
    return Checkpoints(store.policies(key, seeds), {"cell": key, "seeds": list(seeds)})


def kept_ends(store: Store, key: str, seeds: Sequence[int]) -> Checkpoints:
    """The rest of the state after the last step."""
    return Checkpoints(store.ends(key, seeds), {"cell": key, "seeds": list(seeds)})
