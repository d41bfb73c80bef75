"""A lock for each block: a killed run may have left workers that still train it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from filelock import FileLock, Timeout

from .._errors import as_storage_error
from .._signals import StopSignals
from .._store import Store
from .blocks import Block


@contextmanager
def block_lock(block: Block, store: Store, stop: StopSignals) -> Iterator[None]:
    """Hold the lock of a block. Waits while another process holds it; the system frees that of a dead one.

    Raises:
        Stopped: a signal arrived during the wait.
        StorageError: the lock file cannot be written.
    """
    path = store.locks / f"{block.name}.lock"
    lock = FileLock(path)
    while not lock.is_locked:
        stop.check()
        with as_storage_error(path, "rerun to resume from the last checkpoint"):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Another process may have just removed the directory.
            with suppress(Timeout, FileNotFoundError):
                lock.acquire(timeout=1)
    try:
        yield
    finally:
        if store.block(block.cell.key, block.seeds) is not None:
            # A process that waits for the removed file finds the block in the store.
            path.unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):
            path.parent.rmdir()
