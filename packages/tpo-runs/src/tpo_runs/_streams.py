"""Standard streams that tolerate errors, so that a run continues without them."""

import errno
import io
import os
import sys
from typing import Any


class TolerantFile(io.RawIOBase):
    """A file that ignores what is written after the first error, which is in `fault`."""

    def __init__(self, stream: Any):
        # Kept, because the stream closes its file when it is garbage-collected.
        self._stream = stream
        self._raw = getattr(stream.buffer, "raw", stream.buffer)
        self.fault: OSError | None = None

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """The descriptor of the underlying file."""
        return self._raw.fileno()

    def isatty(self) -> bool:
        """Whether the underlying file is a terminal."""
        return self._raw.isatty()

    def write(self, data: Any, /) -> int | None:
        """Write the data, or ignore it after an error."""
        if self.fault is None:
            try:
                return self._raw.write(data)
            except OSError as error:
                self.fault = error
        return len(data)


def tolerant(stream: Any) -> io.TextIOWrapper:
    """Wrap a text stream to tolerate errors and characters outside its encoding."""
    return io.TextIOWrapper(
        io.BufferedWriter(TolerantFile(stream)),
        encoding=stream.encoding,
        errors="backslashreplace" if stream.errors == "backslashreplace" else "replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def make_standard_streams_tolerant() -> TolerantFile:
    """Replace standard output and error by tolerant streams. Returns the file of standard output."""
    # The next file that is opened would take the descriptor of a closed stream.
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    streams = []
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        whole = stream or open(descriptor, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        streams.append(tolerant(whole))
    sys.stdout, sys.stderr = streams
    return streams[0].buffer.raw


def fault_of(file: TolerantFile) -> str | None:
    """Why output was lost, in one line; None if all was written, or if the reader closed the pipe."""
    sys.stdout.flush()
    if file.fault is None or file.fault.errno == errno.EPIPE:
        return None
    return f"standard output: cannot be written: {file.fault.strerror}; output is lost"
