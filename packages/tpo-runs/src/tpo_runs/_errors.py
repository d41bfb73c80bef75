"""The exceptions of this package, and the system's errors as one of them."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ConfigError(Exception):
    """A config, command line or directory that cannot be used; `lines` holds one line for each problem."""

    def __init__(self, lines: Iterable[str]):
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class Stopped(BaseException):
    """A signal asked the run to stop. `code` is the exit code: 128 and the signal's number."""

    def __init__(self, number: int):
        self.name = signal.Signals(number).name
        self.code = 128 + number
        super().__init__(self.name)


class StorageError(Exception):
    """A file could not be written; the message is one line that names it."""


@contextmanager
def as_storage_error(path: Path, consequence: str) -> Iterator[None]:
    """Turn the system's errors while `path` is written into a `StorageError` that ends with a consequence."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {reason_of(error)}; {consequence}") from error


@contextmanager
def as_config_error(path: Path) -> Iterator[None]:
    """Turn the system's errors while `path` is read into a `ConfigError` of one line."""
    try:
        yield
    except OSError as error:
        raise ConfigError([f"{error.filename or path}: cannot be read: {reason_of(error)}"]) from None


def reason_of(error: OSError) -> str:
    """What the system says about an error."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
