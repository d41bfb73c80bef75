"""How long a user waits: for `--help`, and for the first training step of the smoke config."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from .cases import ROOT

PROGRAM = [sys.executable, "-m", "tpo_runs"]
POLL_SECONDS = 0.01


def measure_startup(rounds: int) -> dict[str, list[float]]:
    """Seconds by what was waited for.

    The first step counts as taken when the store shows the first block of a run that trains for one step, so
    writing it is included. The run that is called cold fills the cache of the next one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        runs = _first_steps(Path(scratch), rounds)
        return {
            "tpo-runs --help": [_help_seconds() for _ in range(max(3, rounds))],
            "first step of the smoke config, cold": [next(runs)],
            "first step of the smoke config, again": list(runs),
        }


def _help_seconds() -> float:
    began = time.perf_counter()
    subprocess.run([*PROGRAM, "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _first_steps(scratch: Path, rounds: int) -> Iterator[float]:
    """The seconds of the same run with an empty cache, and then with a full one."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(scratch / "cache")}
    config = ROOT / "configs" / "transformer_rlvr.toml"
    for i in range(1 + rounds):
        out = scratch / f"out-{i}"
        command = [*PROGRAM, str(config), "--smoke", "--schedule.steps", "1", "--quiet", "--out", str(out)]
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            while process.poll() is None and not any(out.glob("cells/*/seeds-*")):
                time.sleep(POLL_SECONDS)
            seconds = time.perf_counter() - began
            if process.wait() != 0:
                raise subprocess.CalledProcessError(process.returncode, command)
        finally:
            process.kill()
        yield seconds


def startup_lines(startup: dict[str, list[float]]) -> list[str]:
    """One line for each thing waited for."""
    return [
        f"{name}: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
        for name, seconds in startup.items()
    ]
