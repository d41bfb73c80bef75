"""Blocks that workers elsewhere are to train, as files in the store: `jobs/RUN/BLOCK.toml` is an order."""

import json
import os
import re
import shutil
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from ._config_error import ConfigError
from ._integrity import discard, json_bytes, write_file
from ._jobs import Block
from ._store import Store
from ._stored_config import config_of_block

RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
JOBS, LOCKS, TOKEN = "jobs", "locks", "token"
# What a worker takes over from the environment of the run.
PASSED_ON = ("JAX_", "XLA_", "TPO_", "TF_CPP_")


class Order(NamedTuple):
    """What a worker is told; it finds the rest in the store.

    Args:
        store: the store's directory, as an absolute path.
        run: the run that asks.
        name: the block's name.
        config: the config's file, beside which users' own objectives lie.
        directory: the working directory of the run.
        cpus: cores, which are as many devices of JAX.
        short: whether compiling counts for more than training.
        environment: variables that the numbers or the place of data may depend on.
    """

    store: str
    run: str
    name: str
    config: str
    directory: str
    cpus: int
    short: bool
    environment: dict[str, str]


class Orders:
    """The orders of one run. A worker stops when the order that it works at is gone."""

    def __init__(self, root: Path, run: str):
        self.run, self._root = run, root
        self.directory = root / JOBS / run

    @classmethod
    def begin(cls, root: Path) -> "Orders":
        """Those of a new run."""
        orders = cls(root, f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:6]}")
        orders.directory.mkdir(parents=True)
        write_file(orders.token, orders.run.encode())
        return orders

    @property
    def job_name(self) -> str:
        """What the run's jobs are called in a scheduler's queue."""
        return _job_name(self.run)

    @property
    def token(self) -> Path:
        """A file that whoever sees the store can see."""
        return self.directory / TOKEN

    def unseen_by(self, whom: str) -> ConfigError:
        """What is wrong where workers do not see the store."""
        fix = "choose an --out on a file system that all nodes share"
        return ConfigError([f"{self._root}: not seen by {whom}; {fix}"])

    def give(self, block: Block, config: Path, *, cpus: int, short: bool) -> Order:
        """Write the order for a block."""
        write_file(self.file(block.name), config_of_block(block.cell, block.seeds).encode())
        passed_on = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        root, directory = str(self._root.resolve()), str(Path.cwd())
        return Order(root, self.run, block.name, str(config.resolve()), directory, cpus, short, passed_on)

    def file(self, name: str) -> Path:
        """The config that trains the block of this name."""
        return self.directory / f"{name}.toml"

    def wanted(self, name: str) -> bool:
        """Whether the block is still to be trained."""
        return self.file(name).exists()

    def withdraw(self, name: str) -> None:
        """The block is done, or not wanted any more."""
        self.file(name).unlink(missing_ok=True)
        self._started(name).unlink(missing_ok=True)

    def start(self, name: str, facts: dict[str, Any]) -> None:
        """Say that a worker has begun with a block."""
        write_file(self._started(name), json_bytes(facts))

    def started(self, name: str) -> bool:
        """Whether a worker has begun with a block."""
        return self._started(name).exists()

    def fail(self, name: str, words: str) -> None:
        """Say why a block failed."""
        write_file(self._failed(name), json_bytes({"words": words}))

    def failure(self, name: str) -> str:
        """Why a block failed, as its worker says."""
        try:
            return str(json.loads(self._failed(name).read_bytes())["words"])
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def lock(self, name: str) -> FileLock | None:
        """The lock with which one worker at a time trains a block; None when it is not wanted any more.

        A worker that was taken for dead, or belongs to an earlier run, lets go of it within a chunk.
        """
        locks = self._root / JOBS / LOCKS
        locks.mkdir(exist_ok=True)
        lock = FileLock(locks / f"{name}.lock")
        while self.wanted(name):
            try:
                lock.acquire(timeout=1)
            except Timeout:
                continue
            return lock
        return None

    def end(self, *, keep: bool) -> None:
        """The run needs them no more; `keep` what the engine has written there."""
        if keep:
            return
        discard(self.directory)
        remove_locks(self._root)

    def _started(self, name: str) -> Path:
        return self.directory / f"{name}.started"

    def _failed(self, name: str) -> Path:
        return self.directory / f"{name}.failed"


def end_earlier(store: Store) -> list[str]:
    """Withdraw the orders of runs that have not come to their end, so that their workers stop.

    Their jobs are also taken out of SLURM's queue, where there is one.

    Returns:
        The runs.
    """
    jobs = store.root / JOBS
    runs = [path for path in sorted(jobs.iterdir()) if RUN.fullmatch(path.name)] if jobs.is_dir() else []
    for path in runs:
        discard(path)
        if shutil.which("scancel"):
            subprocess.run(["scancel", f"--name={_job_name(path.name)}"], capture_output=True, timeout=60)
    return [path.name for path in runs]


def remove_locks(root: Path) -> None:
    """Remove what orders leave behind in a store, where no run has any."""
    jobs = root / JOBS
    if jobs.is_dir() and {path.name for path in jobs.iterdir()} <= {LOCKS}:
        discard(jobs)


def _job_name(run: str) -> str:
    return f"tpo-{run}"
