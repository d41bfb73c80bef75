"""Measure on a GPU, in one call, what the pages say of GPUs. What is done is kept after each part.

    python scripts/bench_gpu.py --minutes 30 --to results/gpu

The parts: Fig. 1b from start to end; every case of the benchmark for 1 and 20 seeds, with full float32
products and with TF32; then the published numbers that are still missing. `parts.json` has the seconds of
each part and how busy the GPU was; the other files are those of `bench.py`, `tpo-runs summarize` and
`missing_numbers.py`. All are small.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
BUSY = ("nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0")
GRACE = 20.0  # seconds in which a part that is stopped may save its state
Command = Sequence[str]


class Part(NamedTuple):
    """Commands to run one after the other, with additional environment variables."""

    name: str
    commands: Sequence[Command]
    environment: Mapping[str, str] = {}


def parts(to: Path, store: Path, minutes: float) -> list[Part]:
    """What to run, in this order. `store` is the folder of what is not kept."""
    python, tpo_runs = sys.executable, (sys.executable, "-m", "tpo_runs")
    scripts = ROOT / "scripts"
    config = f"{ROOT}/configs/transformer_rlvr.toml"
    figure = (*tpo_runs, config, "--schedule.block", "20", "--out", f"{store}/1b")
    summary = (*tpo_runs, "summarize", f"{store}/1b", "--to", f"{to}/transformer_rlvr.json")
    bench = (python, f"{scripts}/bench.py", "--seeds", "1,20", "--rounds", "3", "--out")
    numbers = (python, f"{scripts}/missing_numbers.py", "--block", "20", "--store", f"{store}/numbers")
    return [
        Part("Fig. 1b", [figure, summary]),
        Part("float32", [(*bench, f"{to}/float32.json")], {"JAX_DEFAULT_MATMUL_PRECISION": "highest"}),
        Part("TF32", [(*bench, f"{to}/tf32.json")], {"JAX_DEFAULT_MATMUL_PRECISION": "tensorfloat32"}),
        Part("missing numbers", [(*numbers, "--minutes", f"{minutes:g}", "--to", f"{to}/numbers")]),
    ]


def busy_share() -> float | None:
    """The share of the last second in which the GPU worked; None without NVIDIA's tools."""
    if shutil.which(BUSY[0]) is None:
        return None
    answer = subprocess.run(BUSY, capture_output=True, text=True, check=False)
    return float(answer.stdout) / 100 if answer.returncode == 0 else None


def run_parts(
    todo: Sequence[Part], to: Path, end: float, busy: Callable[[], float | None] = busy_share
) -> list[dict[str, Any]]:
    """Run parts until the time is over, and write `parts.json` after each.

    Args:
        todo: the parts.
        to: the folder of the results.
        end: when to stop, in seconds of `time.monotonic`.
        busy: measures how busy the GPU is.

    Returns:
        For each part that began: its name, the exit code (None if the time was over), the seconds, the mean
        share of time in which the GPU was busy, and from how many measurements.
    """
    done: list[dict[str, Any]] = []
    to.mkdir(parents=True, exist_ok=True)
    for part in todo:
        if time.monotonic() >= end:
            break
        began, shares = time.monotonic(), []
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(busy, shares, stop))
        watcher.start()
        code: int | None = 0
        for command in part.commands:
            code = _run(command, {**os.environ, **part.environment}, end) if code == 0 else code
        stop.set()
        watcher.join()
        mean = statistics.fmean(shares) if shares else None
        seconds = round(time.monotonic() - began, 1)
        done.append(
            {"part": part.name, "code": code, "seconds": seconds, "busy": mean, "measured": len(shares)}
        )
        (to / "parts.json").write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
        print(f"{part.name}: exit code {code} after {seconds:g} s, GPU busy {mean}", flush=True)
    return done


def _run(command: Command, environment: Mapping[str, str], end: float) -> int | None:
    child = subprocess.Popen(command, env=environment)
    try:
        return child.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        child.terminate()
    try:
        child.wait(GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    return None


def _watch(busy: Callable[[], float | None], shares: list[float], stop: threading.Event) -> None:
    while not stop.wait(1.0):
        if (share := busy()) is not None:
            shares.append(share)


def main() -> int:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter, allow_abbrev=False)
    parser.add_argument("--minutes", type=float, default=30.0, help="when to stop (default: 30)")
    parser.add_argument("--to", type=Path, default=ROOT / "results" / "gpu", help="folder of the results")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes - GRACE
    with tempfile.TemporaryDirectory() as store:
        done = run_parts(parts(arguments.to, Path(store), arguments.minutes), arguments.to, end)
    return 0 if all(part["code"] in (0, None) for part in done) else 1


if __name__ == "__main__":
    sys.exit(main())
