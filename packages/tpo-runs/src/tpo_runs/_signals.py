"""Stopping a run: the first signal lets it save what it has, a second SIGINT or SIGTERM ends it at once."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType, TracebackType
from typing import Any, Protocol, runtime_checkable

from ._errors import Stopped

# A terminal that is closed; nohup has it ignored.
HANGUP = getattr(signal, "SIGHUP", None)
SIGNALS = (signal.SIGINT, signal.SIGTERM, *([HANGUP] if HANGUP is not None else []))
SAVING = b": saving\n"
WAIT = b": saving; once more ends it at once\n"


@runtime_checkable
class Stop(Protocol):
    """Whether training should stop; asked between chunks."""

    @property
    def asked(self) -> bool:
        """Whether it should."""
        ...

    def check(self) -> None:
        """Raise `Stopped` if it should."""
        ...


class StopSignals:
    """Watches for signals while it is entered: by default SIGINT, SIGTERM, and SIGHUP unless it is ignored.

    Outside of `polled`, where there is nothing to save, a signal raises `Stopped` where it arrives. Inside,
    it is only remembered until `check` is called. A second signal ends the process, whatever it is doing.

    Args:
        signals: the signals to watch for.
    """

    def __init__(self, signals: Sequence[signal.Signals] = SIGNALS) -> None:
        self._signals = signals
        self._number: int | None = None
        self._elsewhere: int | None = None
        self._polled = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            heard = [n for n in self._signals if n != HANGUP or signal.getsignal(n) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._receive) for number in heard}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Whether a signal has arrived, here or elsewhere."""
        return self.number is not None

    @property
    def number(self) -> int | None:
        """The signal that has arrived."""
        return self._elsewhere if self._number is None else self._number

    def arrived_elsewhere(self, number: int) -> None:
        """A signal has arrived at another process of the run."""
        self._elsewhere = number

    def check(self) -> None:
        """Raise `Stopped` if a signal has arrived."""
        if self.number is not None:
            raise Stopped(self.number)

    @contextmanager
    def polled(self) -> Iterator[None]:
        """A stretch of code that calls `check` at the moments when all is saved."""
        self._polled = True
        try:
            yield
        finally:
            self._polled = False

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._number is not None:
            if number == HANGUP:  # the shell and the system both send it
                return
            os._exit(128 + number)
        self._number = number
        if not self._polled:
            raise Stopped(number)
        # Past all buffers, which the interrupted code may be in the middle of using.
        with suppress(OSError):
            # A second SIGHUP ends nothing, so that it is not offered.
            os.write(2, signal.Signals(number).name.encode() + (SAVING if number == HANGUP else WAIT))
