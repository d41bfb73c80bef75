"""Standard output and error that take everything: whatever becomes of them, the run goes on."""

import errno
import io
import os
import sys
from typing import Any


class PatientFile(io.RawIOBase):
    """A file that takes what is written until that fails, and ignores the rest.

    `fault` is why it failed: a full disk, a terminal that is gone, a reader that is.
    """

    def __init__(self, stream: Any):
        # Held, since a stream that nobody holds closes the file behind it.
        self._stream = stream
        self._raw = getattr(stream.buffer, "raw", stream.buffer)
        self.fault: OSError | None = None

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """That of the file behind it."""
        return self._raw.fileno()

    def isatty(self) -> bool:
        """Whether the file behind it is a terminal."""
        return self._raw.isatty()

    def write(self, data: Any, /) -> int | None:
        """Write, or seem to."""
        if self.fault is None:
            try:
                return self._raw.write(data)
            except OSError as error:
                self.fault = error
        return len(data)


def patient(stream: Any) -> io.TextIOWrapper:
    """The same stream, which neither a fault nor a character that it cannot write stops."""
    return io.TextIOWrapper(
        io.BufferedWriter(PatientFile(stream)),
        encoding=stream.encoding,
        errors="backslashreplace" if stream.errors == "backslashreplace" else "replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def make_standard_streams_patient() -> PatientFile:
    """Replace standard output and error; the file behind standard output."""
    # What is closed would be taken by the next file that is opened, and written to by whoever prints.
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    streams = []
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        whole = stream or open(descriptor, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        streams.append(patient(whole))
    sys.stdout, sys.stderr = streams
    return streams[0].buffer.raw


def fault_of(file: PatientFile) -> str | None:
    """Why not all output was written, in a line; None where it was, or where its reader had enough."""
    sys.stdout.flush()
    if file.fault is None or file.fault.errno == errno.EPIPE:
        return None
    return f"standard output: cannot be written: {file.fault.strerror}; what was printed is lost"
