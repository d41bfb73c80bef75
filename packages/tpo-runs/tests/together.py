"""What tests of runs over several processes share: they are really started, and never left behind."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from reliability import start

DEADLINE_SECONDS = 240


class Launcher:
    """Starts the processes of runs, and can end them all."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []

    def start(
        self, config: Path, out: Path, count: int, *words: str, each: Sequence[Mapping[str, str]] = ()
    ) -> list[subprocess.Popen[str]]:
        """The processes of one run; `each` holds what the environment of each has besides."""
        coordinator = f"127.0.0.1:{free_port()}"
        return [
            self.start_one(
                config,
                *("--out", str(out), "--coordinator", coordinator),
                *("--processes", str(count), "--process", str(index), *words),
                **(each[index] if each else {}),
            )
            for index in range(count)
        ]

    def start_one(self, config: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
        """The program in a process of its own, with one device."""
        process = start(config, *words, **environment)
        self.processes.append(process)
        return process

    def end_all(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def launching() -> Iterator[Launcher]:
    """A launcher whose processes end with the block of code."""
    launcher = Launcher()
    try:
        yield launcher
    finally:
        launcher.end_all()


def ends(processes: Sequence[subprocess.Popen[str]]) -> tuple[list[int], list[str], list[str]]:
    """The exit codes of processes that end in time, and what stands on standard output and standard error."""
    told = [process.communicate(timeout=DEADLINE_SECONDS) for process in processes]
    errors = [text for _, text in told]
    assert not any("Traceback" in text for text in errors), errors
    return [process.returncode for process in processes], [text for text, _ in told], errors


def wait_for_checkpoint(out: Path, processes: Sequence[subprocess.Popen[str]]) -> None:
    """Until the first checkpoint of a run is there."""
    until = time.monotonic() + DEADLINE_SECONDS
    while not list(out.glob("cells/*/checkpoints/*/step-*")):
        assert all(process.poll() is None for process in processes), "it ended before its first checkpoint"
        assert time.monotonic() < until
        time.sleep(0.01)


def free_port(first: int = 0, last: int = 0) -> int:
    """A port that nobody listens on, of a range or of any."""
    for port in range(first, last + 1):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as server:
            return server.getsockname()[1]
    raise AssertionError("no port is free")
