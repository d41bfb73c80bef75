"""Stopping a run: after a signal it saves and exits; a second SIGINT or SIGTERM ends it at once."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ._errors import Stopped

# Sent when the terminal is closed; ignored under nohup.
HANGUP = getattr(signal, "SIGHUP", None)
SIGNALS = (signal.SIGINT, signal.SIGTERM, *([HANGUP] if HANGUP is not None else []))
SAVING = b": saving\n"
WAIT = b": saving; once more ends it at once\n"


class StopSignals:
    """Handles signals within its context: by default SIGINT, SIGTERM, and SIGHUP unless it is ignored.

    Outside of `polled`, a signal raises `Stopped` at once. Inside, `check` raises it. A second signal ends
    the process immediately, except for a second SIGHUP, which is ignored from then on.
    """

    def __init__(self, signals: Sequence[signal.Signals] = SIGNALS) -> None:
        self._signals = signals
        self._number: int | None = None
        self._polled = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            handled = [n for n in self._signals if n != HANGUP or signal.getsignal(n) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._receive) for number in handled}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            # The second of two hangups may arrive when all is saved. It must not change the exit status.
            stopped_by_it = number == HANGUP == self._number
            signal.signal(number, signal.SIG_IGN if stopped_by_it else handler)

    @property
    def requested(self) -> bool:
        """Whether a signal has arrived."""
        return self._number is not None

    def check(self) -> None:
        """Raise `Stopped` if a signal has arrived."""
        if self._number is not None:
            raise Stopped(self._number)

    @contextmanager
    def polled(self) -> Iterator[None]:
        """Context of code that calls `check` whenever its state is saved."""
        self._polled = True
        try:
            yield
        finally:
            self._polled = False

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._number is not None:
            if number == HANGUP:  # sent by both the shell and the system
                return
            os._exit(128 + number)
        self._number = number
        if not self._polled:
            raise Stopped(number)
        # Unbuffered, because the interrupted code may be writing to a buffer.
        with suppress(OSError):
            os.write(2, signal.Signals(number).name.encode() + (SAVING if number == HANGUP else WAIT))
