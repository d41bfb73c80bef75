"""What tests of interrupted, damaged and failing runs share: a small config, and the program as a process."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

CONFIG = """
title = "A small run"
figures = ["learning_curves"]
[task]
kind = "symmetric_bandit"
actions = 4
[policy]
kind = "logit_table"
initial_std = 0.0
[optimizer]
kind = "unit_norm"
learning_rate = 0.01
[schedule]
steps = 6000
seeds = 2
block = 2
checkpoint_minutes = 0.0001
[[method]]
name = "PG"
objective = { kind = "reinforce" }
rollout = { kind = "sampled_actions", contexts = "all", samples = 4, baseline = 0.5 }
[[method]]
name = "DG"
objective = { kind = "dg" }
rollout = { kind = "sampled_actions", contexts = "all", samples = 4, baseline = 0.5 }
"""
# For what has nothing to do with figures: drawing takes longer than these steps.
UNDRAWN = CONFIG.replace('figures = ["learning_curves"]', "figures = []")
# What tells when a run took place, or that one is under way.
APART = ("timing.json", ".lock", "lock.json")


def start(*words: str | Path, **environment: str) -> subprocess.Popen[str]:
    """The program in a process of its own."""
    command = [sys.executable, "-m", "tpo_runs", *map(str, words)]
    settings = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "JAX_PLATFORMS": "cpu"} | environment
    return subprocess.Popen(
        command,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(words[0]).parent,
    )


def finish(process: subprocess.Popen[str], seconds: float = 300) -> tuple[int, str]:
    """The exit code, and what stands on standard error."""
    _, errors = process.communicate(timeout=seconds)
    assert "Traceback" not in errors, errors
    return process.returncode, errors


def contents(root: Path) -> dict[str, str]:
    """The hash of every file of a store, but of those that tell the time."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in APART
    }


def run_serially(text: str, directory: Path) -> tuple[Path, dict[str, str]]:
    """A config file of this text, and the files of its run in one process."""
    config = directory / "small.toml"
    config.write_text(text)
    assert finish(start(config, "--out", directory / "serial", "--quiet"))[0] == 0
    return config, contents(directory / "serial")


def wait_for(happened: Callable[[], Found], seconds: float = 120) -> Found:
    """Ask until there is something, and return it."""
    until = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)
    return found
