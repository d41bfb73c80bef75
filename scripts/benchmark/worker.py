"""Processes that measure one thing each, when they are asked to."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

SCRIPTS = Path(__file__).parents[1]


class WorkerError(Exception):
    """A worker ended before it answered; what it wrote to stderr stands above."""


class Worker:
    """A fresh Python process that runs a module of this package.

    It answers once when it is ready, and then once for each time it is asked, in lines of JSON. It ends when
    the `with` block does.
    """

    def __init__(self, module: str, argument: Any = None, **environment: str):
        path = os.pathsep.join(filter(None, [str(SCRIPTS), os.environ.get("PYTHONPATH")]))
        self._command = [sys.executable, "-m", f"benchmark.{module}", json.dumps(argument)]
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, **environment},
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._process.communicate()
        else:
            self._process.kill()
            self._process.communicate()

    def answer(self) -> dict[str, Any]:
        """The next answer.

        Raises:
            WorkerError: the process has ended.
        """
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise WorkerError(f"{' '.join(self._command[1:])} ended with code {code} before it answered")
        return json.loads(line)

    def ask(self) -> dict[str, Any]:
        """Have it measure once more."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.answer()


def serve(answers: Any) -> None:
    """In the worker: write an answer now, and one for each line that comes in."""
    for answer in answers:
        print(json.dumps(answer), flush=True)
        if not sys.stdin.readline():
            return
