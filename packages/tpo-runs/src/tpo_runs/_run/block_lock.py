"""One process at a time trains a block, even if a killed run has left workers behind."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from filelock import FileLock, Timeout

from .._errors import as_storage_error
from .._signals import Stop
from .._store import Store
from .blocks import Block


@contextmanager
def block_lock(block: Block, store: Store, stop: Stop) -> Iterator[None]:
    """Hold the lock of a block. Waits while another process trains it.

    The system releases the lock of a process that dies.

    Raises:
        Stopped: a signal arrived during the wait.
        StorageError: the lock file cannot be written.
    """
    path = store.locks / f"{block.name}.lock"
    lock = FileLock(path)
    while not lock.is_locked:
        stop.check()
        with as_storage_error(path, "rerun to go on from the last checkpoint"):
            path.parent.mkdir(parents=True, exist_ok=True)
            # The directory is missing if another process has just removed it.
            with suppress(Timeout, FileNotFoundError):
                lock.acquire(timeout=1)
    try:
        yield
    finally:
        if store.block(block.cell.key, block.seeds) is not None:
            # Whoever still waits for the old file finds the block in the store.
            path.unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            path.parent.rmdir()
