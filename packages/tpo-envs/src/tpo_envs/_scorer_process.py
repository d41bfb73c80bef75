"""A scorer in a child process, which is killed when it takes too long."""

import contextlib
import math
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from typing import Any

# Importing the library takes seconds, or minutes on a busy machine.
_START_SECONDS = 600.0


class ScorerProcess:
    """Scores answers of one data set of reasoning-gym in a child process with a time limit.

    The process starts with the first answer and keeps running. If an answer takes too long, it is killed and
    restarted for the next answer. Any thread may call `score`; answers are scored one at a time.

    Args:
        name: the name of the data set.
        config: its settings.
        time_limit: seconds for an answer.

    Attributes:
        errors: answers for which the scorer raised an error, exited or returned no number.
        timeouts: answers that took longer than the time limit.
    """

    def __init__(self, name: str, config: Mapping[str, Any], time_limit: float | int):
        self._arguments = (name, dict(config), time_limit)
        self._time_limit = time_limit
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end: Any = None
        self.errors = 0
        self.timeouts = 0

    def __reduce__(self) -> Any:
        return ScorerProcess, self._arguments

    def score(self, answer: str, entry: Any) -> float:
        """The score of an answer, clipped to [0, 1]; 0 if the scorer fails or takes too long."""
        with self._lock:
            if self._process is None:
                self._start()
            reply, late = self._ask((answer, entry), self._time_limit)
            if late or not reply:
                self._stop()
            try:
                value = float(reply)
            except ValueError:
                value = math.nan
            if math.isnan(value):
                self.timeouts += late
                self.errors += not late
                return 0.0
            return min(max(value, 0.0), 1.0)

    def close(self) -> None:
        """End the process. The next answer restarts it."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        places = os.pathsep.join(place for place in sys.path if place)
        # Libraries that reasoning-gym imports have old string escapes and comparisons.
        quiet = "-Wignore::SyntaxWarning"
        command = [sys.executable, "-P", quiet, "-m", "tpo_envs._scorer_worker"]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": places},
        )
        self._end = weakref.finalize(self, _end, self._process)
        reply, late = self._ask(self._arguments, _START_SECONDS)
        if reply != b"ready\n":
            self._stop()
            why = f"did not answer within {_START_SECONDS:.0f} s" if late else "ended; it wrote why to stderr"
            raise RuntimeError(f"the process that scores reasoning-gym/{self._arguments[0]} {why}")

    def _ask(self, request: Any, seconds: float | int) -> tuple[bytes, bool]:
        """The reply to a request, empty if the process ended, and whether it was killed at the limit."""
        process, late, reply = self._process, threading.Event(), b""
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None

        def kill() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            data = pickle.dumps(request)
            process.stdin.write(len(data).to_bytes(8, "big") + data)
            process.stdin.flush()
            reply = process.stdout.readline()
        except OSError:  # the process has ended
            pass
        finally:
            timer.cancel()
            timer.join()  # so that it kills no process whose reply is here
        return reply, late.is_set()

    def _stop(self) -> None:
        if self._process is not None:
            self._end()
            self._process = None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
