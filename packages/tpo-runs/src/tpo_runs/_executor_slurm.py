"""The executor that hands blocks to SLURM, or to processes of this machine, through submitit."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._block import Surroundings
from ._config_error import ConfigError
from ._orders import Order, Orders
from ._remote import AbstractRemote
from ._specs_executor import SlurmSpec
from ._wording import ascii_safe, counted
from ._worker import work

QUEUE_SECONDS = 2.0
LOOK_SECONDS = 20
COMMAND_SECONDS = 60


class Work:
    """Trains a block; stopped for lack of time, it is requeued and goes on from the last checkpoint."""

    def __call__(self, order: Order) -> None:
        """Train."""
        work(order)

    def checkpoint(self, order: Order) -> Any:
        """What SLURM is to start again."""
        from submitit.helpers import DelayedSubmission  # pyright: ignore[reportMissingImports]

        return DelayedSubmission(self, order)


class SlurmBlocks(AbstractRemote):
    """Each block is a job, which SLURM requeues when it is preempted or its node fails."""

    def __init__(self, spec: SlurmSpec, orders: Orders, config: Path, around: Surroundings, *, short: bool):
        import submitit  # pyright: ignore[reportMissingImports]

        super().__init__(orders, config, around, room=spec.most, cpus=spec.cpus, short=short)
        self._local = spec.cluster == "local"
        self._name = orders.job_name
        self._engine = submitit.AutoExecutor(folder=orders.directory / "log", cluster=spec.cluster)
        self._engine.update_parameters(**_parameters(spec, self._name))
        self._jobs: dict[str, Any] = {}
        self._missed: set[str] = set()

    def _send(self, order: Order) -> None:
        self._jobs[order.name] = self._engine.submit(Work(), order)

    def _ended(self, seconds: float) -> Mapping[str, str]:
        time.sleep(seconds if self._local else max(seconds, QUEUE_SECONDS))
        gone = [name for name, job in self._jobs.items() if job.done()] if self._local else self._gone()
        return {name: self._words(self._jobs.pop(name)) for name in gone}

    def _gone(self) -> list[str]:
        """Those that are missing in two listings of the queue; accounting need not be there."""
        listed = _run("squeue", "--noheader", "--format=%A", f"--name={self._name}")
        if listed.returncode != 0:
            return []
        missing = {name for name, job in self._jobs.items() if job.job_id not in listed.stdout.split()}
        gone, self._missed = missing & self._missed, missing
        return sorted(gone)

    def _words(self, job: Any) -> str:
        path = job.paths.stderr
        last = _last_line(path.read_text(errors="replace")) if path.exists() else ""
        last = f": {last}" if last else ""
        return f"job {job.job_id} ended without a result{last}; its log is {path}"

    def _drop(self, name: str) -> None:
        if job := self._jobs.pop(name, None):
            job.cancel(check=False)

    def _leave(self) -> None:
        """Nothing is held."""


def make(spec: SlurmSpec, config: Path, around: Surroundings, *, short: bool) -> SlurmBlocks:
    """Look whether the cluster is there, has what is asked, and sees the store.

    Raises:
        ConfigError: it is not, has not, or does not.
    """
    (_check_local if spec.cluster == "local" else _check_slurm)(spec)
    orders = Orders.begin(around.store.root)
    try:
        if spec.cluster == "slurm":
            _check_sight(spec, orders)
        return SlurmBlocks(spec, orders, config, around, short=short)
    except BaseException:
        orders.end(keep=False)
        raise


def _parameters(spec: SlurmSpec, name: str) -> dict[str, Any]:
    shared = {"name": name, "timeout_min": spec.minutes, "cpus_per_task": spec.cpus}
    shared |= {"gpus_per_node": spec.gpus} if spec.gpus else {}
    shared |= {"mem_gb": spec.memory_gb} if spec.memory_gb else {}
    if spec.cluster == "local":
        return shared
    own = {"partition": spec.partition, "account": spec.account}
    more = {"requeue": True, **spec.options}
    more |= {key: value for key, value in own.items() if value}
    return {**shared, "nodes": 1, "tasks_per_node": 1, "slurm_additional_parameters": more}


def _flags(spec: SlurmSpec) -> list[str]:
    flags = ["--nodes=1", "--ntasks=1", f"--cpus-per-task={spec.cpus}", f"--time={spec.minutes}"]
    flags += [f"--gpus-per-node={spec.gpus}"] if spec.gpus else []
    flags += [f"--mem={round(spec.memory_gb * 1024)}M"] if spec.memory_gb else []
    flags += [f"--partition={spec.partition}"] if spec.partition else []
    flags += [f"--account={spec.account}"] if spec.account else []
    options = {key.replace("_", "-"): value for key, value in spec.options.items()}
    return flags + [f"--{key}" if value is True else f"--{key}={value}" for key, value in options.items()]


def _check_local(spec: SlurmSpec) -> None:
    cores, gpus = os.cpu_count() or 1, len(list(Path("/dev").glob("nvidia[0-9]*")))
    if spec.cpus > cores or spec.gpus > gpus:
        asked = f"a block asks for {counted(spec.cpus, 'core')} and {counted(spec.gpus, 'GPU')}"
        raise ConfigError([f"[executor] {asked}, and this machine has {cores} and {gpus}; lower them"])


def _check_slurm(spec: SlurmSpec) -> None:
    if not shutil.which("sbatch"):
        fix = "run this on a login node of the cluster, or set cluster = 'local'"
        raise ConfigError([f"[executor] SLURM is not here: there is no sbatch; {fix}"])
    ping = _run("sinfo", "--noheader")
    if ping.returncode != 0:
        raise ConfigError([f"[executor] SLURM cannot be reached: {_last(ping)}; see `sinfo`"])
    tried = _run("sbatch", "--test-only", *_flags(spec), "--wrap=true")
    if tried.returncode != 0:
        asked = f"{counted(spec.cpus, 'core')}, {counted(spec.gpus, 'GPU')}"
        raise ConfigError([f"[executor] SLURM has no place for a block ({asked}): {_last(tried)}"])


def _check_sight(spec: SlurmSpec, orders: Orders) -> None:
    """Have a node look for a file of the store, if one is free at once; else the first job will tell."""
    where = [flag for flag in _flags(spec) if flag.startswith(("--partition", "--account"))]
    token = str(orders.token.resolve())
    look = ("srun", "--quiet", "--ntasks=1", "--time=1", f"--immediate={LOOK_SECONDS}", *where)
    if _run(*look, "test", "-e", "/").returncode == 0 and _run(*look, "test", "-e", token).returncode == 1:
        raise orders.unseen_by("SLURM's nodes")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_SECONDS, cwd="/")
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 255, "", str(error))


def _last(done: subprocess.CompletedProcess[str]) -> str:
    return _last_line(done.stderr) or f"{done.args[0]} ended with code {done.returncode}"


def _last_line(text: str) -> str:
    return ascii_safe("".join(text.strip().splitlines()[-1:])[:300])
