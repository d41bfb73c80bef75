"""Messages and arrays between two processes of a run, over TCP. What arrives is data, and never run."""

import contextlib
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

LONGEST_HEADER = 64_000_000
# A host that is gone without a word is noticed after this long.
SILENT_SECONDS = 20
_LENGTH = 8


class Link:
    """One end of a connection: each message is what JSON can hold, and some arrays."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._sending = threading.Lock()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # The names are those of Linux; elsewhere, the system's own times hold.
        for name, value in (
            ("TCP_KEEPIDLE", SILENT_SECONDS // 4),
            ("TCP_KEEPINTVL", SILENT_SECONDS // 4),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", 1000 * SILENT_SECONDS),
        ):
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def wait_at_most(self, seconds: float | None) -> None:
        """How long sending and receiving may stand still; None for as long as it takes."""
        self._connection.settimeout(seconds)

    def send(self, message: Mapping[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
        """Send one message.

        Raises:
            OSError: the other end is gone.
        """
        described = [[str(array.dtype), list(array.shape)] for array in arrays]
        header = json.dumps({"message": message, "arrays": described}).encode()
        with self._sending:
            self._connection.sendall(len(header).to_bytes(_LENGTH, "big") + header)
            for array in arrays:
                self._connection.sendall(_raw(np.ascontiguousarray(array)))

    def receive(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        """The next message and its arrays.

        Raises:
            OSError, EOFError: the other end is gone.
            ValueError: it speaks otherwise.
        """
        length = int.from_bytes(self._exactly(bytearray(_LENGTH)), "big")
        if length > LONGEST_HEADER:
            raise ValueError("not a process of a run")
        header = json.loads(self._exactly(bytearray(length)))
        if not isinstance(header, dict) or not isinstance(header.get("message"), dict):
            raise ValueError("not a process of a run")
        arrays = [np.empty(shape, np.dtype(dtype)) for dtype, shape in header["arrays"]]
        for array in arrays:
            self._exactly(_raw(array))
        return header["message"], arrays

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _exactly(self, room: Any) -> Any:
        rest = memoryview(room)
        while rest.nbytes:
            count = self._connection.recv_into(rest)
            if not count:
                raise EOFError
            rest = rest[count:]
        return room


def _raw(array: np.ndarray) -> memoryview:
    """The bytes of an array, without a copy; also of dtypes that have no buffer, such as bfloat16."""
    return memoryview(array.reshape(-1).view(np.uint8))  # pyright: ignore[reportArgumentType]
