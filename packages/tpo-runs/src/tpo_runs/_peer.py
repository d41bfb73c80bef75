"""Another process of the run: what it sends, and whether it is still there."""

import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ._failures import told
from ._link import Link
from ._lost_process import LOST, LostProcessError

POLL_SECONDS = 0.1
# After this long, a process that still waits for one that is gone is ended by force: it is in a collective.
GRACE_SECONDS = 4.0
# The same for one that does not take notice of a failure. Its own program may have to end first.
FAILURE_SECONDS = 60.0

Received = tuple[dict[str, Any], list[np.ndarray]]


def nothing(*_: Any) -> None:
    """Do nothing."""


class Peer:
    """Another process of the run. A thread reads what it sends, so that its end is noticed at once.

    Args:
        link: the connection to it.
        name: what messages call it.
        heard: given the number of each signal that it tells of.
        gone: given one line when it is gone before `leave`.
    """

    def __init__(
        self,
        link: Link,
        name: str,
        heard: Callable[[int], None] = nothing,
        gone: Callable[[str], None] = nothing,
    ):
        self.name = name
        self._link, self._heard, self._on_gone = link, heard, gone
        self._inbox: queue.SimpleQueue[Received | LostProcessError] = queue.SimpleQueue()
        self._leaving = False
        self._force: threading.Timer | None = None
        self._reader = threading.Thread(target=self._read, name=f"from {name}", daemon=True)
        self._reader.start()

    def send(self, message: Mapping[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
        """Send a message. That the other end is gone is told by `take`."""
        try:
            self._link.send(message, arrays)
        except OSError:
            return

    def take(self, poll: Callable[[], None] = nothing, seconds: float | None = None) -> Received:
        """The next message and its arrays.

        Args:
            poll: called ten times a second while there is none; what it raises ends the wait.
            seconds: how long to wait at most; None for as long as it takes.

        Raises:
            LostProcessError: the process is gone, or does not answer in time.
        """
        began = time.monotonic()
        while True:
            try:
                received = self._inbox.get(timeout=POLL_SECONDS)
                break
            except queue.Empty:
                poll()
            if seconds is not None and time.monotonic() - began > seconds:
                raise LostProcessError(f"{self.name} does not answer")
        if isinstance(received, LostProcessError):
            self._inbox.put(received)
            raise received
        if "failed" in received[0] and self._force is not None:
            self._force.cancel()
        return received

    def leave(self) -> None:
        """From now on, the end of the process is as it should be."""
        self._leaving = True

    def wait_for_its_end(self, seconds: float) -> None:
        """Wait until the other end hangs up."""
        self._reader.join(seconds)

    def _read(self) -> None:
        while True:
            try:
                message, arrays = self._link.receive()
            except (OSError, EOFError, ValueError):
                if not self._leaving:
                    self._tell_gone(f"{self.name} has ended before the run did")
                return
            if "signal" in message:
                self._heard(message["signal"])
                continue
            if message.get("do") == "lost":
                return self._tell_gone(message["what"])
            if message.get("do") == "end":
                self._leaving = True
            if "failed" in message:
                self._end_by_force_after(FAILURE_SECONDS, f"{self.name}: {message['failed']}")
            self._inbox.put((message, arrays))

    def _tell_gone(self, what: str) -> None:
        self._end_by_force_after(GRACE_SECONDS, what)
        self._inbox.put(LostProcessError(what))
        self._on_gone(what)

    def _end_by_force_after(self, seconds: float, what: str) -> None:
        self._force = threading.Timer(seconds, _end_by_force, [what])
        self._force.daemon = True
        self._force.start()


def failure(error: BaseException) -> dict[str, str]:
    """A message that tells of an exception."""
    return {"failed": told(error), "traceback": "".join(traceback.format_exception(error))}


def _end_by_force(what: str) -> None:
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{LostProcessError(what)}\n".encode())
    os._exit(LOST)
