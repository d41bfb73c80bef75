"""The exception for a disk that does not take what a run has to keep."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StorageError(Exception):
    """A file could not be written; the message is one line that names it."""


@contextmanager
def told_in_one_line(path: Path, consequence: str) -> Iterator[None]:
    """Turn the system's errors while `path` is written into a `StorageError` that ends with a consequence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
        raise StorageError(f"{path}: cannot be written: {reason}; {consequence}") from error
