"""The exception for a disk that does not take what a run has to keep."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ._errors import ConfigError


class StorageError(Exception):
    """A file could not be written; the message is one line that names it."""


@contextmanager
def told_in_one_line(path: Path, consequence: str) -> Iterator[None]:
    """Turn the system's errors while `path` is written into a `StorageError` that ends with a consequence."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {reason_of(error)}; {consequence}") from error


@contextmanager
def refused_if_unreadable(path: Path) -> Iterator[None]:
    """Turn the system's errors while `path` is read into a `ConfigError` of one line."""
    try:
        yield
    except OSError as error:
        raise ConfigError([f"{error.filename or path}: cannot be read: {reason_of(error)}"]) from None


def reason_of(error: OSError) -> str:
    """What the system says about an error."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
