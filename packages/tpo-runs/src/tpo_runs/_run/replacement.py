"""Replacing earlier results, which stay until the training that replaces them is ready to start."""

from collections.abc import Callable, Iterable

from .._errors import as_storage_error
from .._store import Store


class Replacement:
    """The cells whose earlier results a run replaces: all of them with `--overwrite`.

    If the run is refused, or fails before the program of a cell is compiled, the earlier results of that cell
    stay. Cells that still wait for their replacement are marked in the store, so that a run that is stopped
    or killed replaces them when it is resumed without `--overwrite`.

    `dropped` are cells that belong to the run in the store, but not to this one. `commit` writes the manifest
    of this run, when the first cell is ready to train.
    """

    def __init__(
        self,
        store: Store,
        keys: Iterable[str] = (),
        dropped: Iterable[str] = (),
        commit: Callable[[], None] | None = None,
    ):
        self._store, self._pending, self._dropped = store, set(keys), list(dropped)
        self._commit, self._committed = commit, False

    def __contains__(self, key: str) -> bool:
        return key in self._pending

    def start(self, key: str) -> None:
        """Remove the earlier results of a cell that is ready to train."""
        if key not in self._pending:
            return
        with as_storage_error(self._store.root, "rerun to continue"):
            if not self._committed:
                if self._commit is not None:
                    self._commit()
                for other in self._pending:
                    self._store.mark_for_replacement(other)
                for other in self._dropped:
                    self._store.remove_cell(other)
                self._committed = True
            self._store.remove_cell(key)
        self._pending.remove(key)
