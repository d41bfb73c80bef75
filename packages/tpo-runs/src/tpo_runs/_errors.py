"""The exceptions of this package, and conversions of OSError."""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class ConfigError(Exception):
    """An unusable config, command line or directory; `lines` has one line for each problem.

    Functions that refuse or check something raise it, and so do those that read stored files, if one of them
    is damaged.
    """

    def __init__(self, lines: Iterable[str]):
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class Stopped(BaseException):
    """A signal has stopped the run. `code` is the exit code, 128 plus the number of the signal."""

    def __init__(self, number: int):
        self.name = signal.Signals(number).name
        self.code = 128 + number
        super().__init__(self.name)


class StorageError(Exception):
    """A file cannot be written; the message is one line that names it."""


@contextmanager
def as_storage_error(path: Path, consequence: str) -> Iterator[None]:
    """Convert OSError while `path` is written to `StorageError`, whose message ends with `consequence`."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {reason_of(error)}; {consequence}") from error


@contextmanager
def as_config_error(path: Path) -> Iterator[None]:
    """Convert OSError while `path` is read to `ConfigError` with one line."""
    try:
        yield
    except OSError as error:
        raise ConfigError([f"{error.filename or path}: cannot be read: {reason_of(error)}"]) from None


def reason_of(error: OSError) -> str:
    """The description of an error by the operating system."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))
