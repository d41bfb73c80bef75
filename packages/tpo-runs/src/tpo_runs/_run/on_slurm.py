"""Blocks as jobs of SLURM, or as processes of this machine, through submitit."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .._config import SlurmSpec
from .._errors import ConfigError
from .._files import digest, discard
from .._store import Store
from .._text import printable
from .._worker import TrainBlock
from .block import RunContext
from .cluster import AbstractCluster, no_capacity, not_shared, probe_file

SUBMITIT = "submitit"  # the directory among the store's jobs, where users may keep other files
QUEUE_SECONDS = 2.0
PROBE_SECONDS = 20
COMMAND_SECONDS = 60
MAX_REQUEUES = 1_000_000


class SlurmCluster(AbstractCluster):
    """Runs each block as a job, or as a local process. SLURM requeues a job whose node fails."""

    def __init__(self, spec: SlurmSpec, config: Path, context: RunContext, *, short: bool):
        import submitit  # pyright: ignore[reportMissingImports]

        super().__init__(spec, config, context, short=short)
        self._local = spec.cluster == "local"
        self._directory, self._name = context.store.jobs / SUBMITIT, _job_name(context.store.root)
        parameters: dict[str, Any] = {"name": self._name, "timeout_min": spec.minutes}
        parameters |= {"cpus_per_task": spec.cpus, "gpus_per_node": spec.gpus}
        if self._local:
            self._max_jobs = min(self._max_jobs, _max_local_jobs(spec))
        else:
            _check_slurm(spec, context.store)
            parameters["slurm_additional_parameters"] = {"requeue": True, **_options(spec)}
        requeues = {f"{kind}_max_num_timeout": MAX_REQUEUES for kind in ("slurm", "local")}
        self._submitit = submitit.AutoExecutor(self._directory, spec.cluster, **requeues)
        self._submitit.update_parameters(**parameters)
        self._unlisted: set[Any] = set()
        self._lost = False

    def _submit(self, calls: Sequence[dict[str, Any]]) -> Sequence[Any]:
        try:
            with self._submitit.batch():
                return [self._submitit.submit(TrainBlock(), **call) for call in calls]
        except Exception as error:
            fix = "lower [executor] most, and rerun to resume"
            raise ConfigError(
                [f"[executor] sbatch refuses {len(calls)} jobs: {_last_line(str(error))}; {fix}"]
            ) from None

    def _ended(self, jobs: Sequence[Any], seconds: float) -> Sequence[Any]:
        time.sleep(seconds if self._local else max(seconds, QUEUE_SECONDS))
        if self._local:
            return [job for job in jobs if job.done()]
        listed = _run("squeue", "--noheader", "--array", "--format=%i", f"--name={self._name}")
        names = listed.stdout.split()
        unlisted = {job for job in jobs if job.job_id not in names} if listed.returncode == 0 else set()
        # A requeued job may be unlisted for a moment, so it has ended when it is unlisted twice.
        gone, self._unlisted = unlisted & self._unlisted, unlisted
        return [job for job in jobs if job in gone or job.paths.result_pickle.exists()]

    def _failure(self, job: Any) -> str:
        if job.paths.result_pickle.exists():
            # It raises if the call did not start, for example if tpo-runs is not installed there.
            with suppress(Exception):
                return job.result()
        self._lost = True
        log = job.paths.stderr
        last = _last_line(log.read_text(errors="replace")) if log.exists() else ""
        return f"job {job.job_id} ended without a result: {last or 'its log is empty'}; its log is {log}"

    def _cancel(self, jobs: Sequence[Any], *, kill: bool) -> None:
        names = [job.job_id for job in jobs]
        if self._local:
            for name in names:
                with suppress(ProcessLookupError):
                    # submitit passes SIGTERM on to the job; after SIGINT it kills the job within seconds.
                    os.kill(int(name), signal.SIGINT if kill else signal.SIGTERM)
        elif names:
            _run("scancel", *(() if kill else ("--state=PENDING",)), *names)
            if not kill:
                # Not SIGTERM, which SLURM also sends before it requeues a job.
                _run("scancel", "--signal=INT", *names)

    def close(self) -> None:
        """Remove submitit's files, unless a job may still use them or a message refers to one."""
        if not self._jobs and not self._lost:
            _remove(self._directory)


def cancel_earlier_jobs(store: Store) -> list[str]:
    """Cancel the SLURM jobs that a killed run in this store left. Returns a note if there may be any."""
    directory = store.jobs / SUBMITIT
    if not directory.is_dir():
        return []
    if shutil.which("scancel"):
        _run("scancel", f"--name={_job_name(store.root)}")
    _remove(directory)
    return ["an earlier run left jobs; this run waits for blocks that they still train"]


def _remove(directory: Path) -> None:
    discard(directory)
    with suppress(OSError):  # it holds other files
        directory.parent.rmdir()


def _job_name(root: Path) -> str:
    return f"tpo-{digest(str(root.resolve()).encode())[:12]}"


def _max_local_jobs(spec: SlurmSpec) -> int:
    """How many jobs can run here at a time. submitit gives the same GPUs to all jobs."""
    cores, gpus = os.cpu_count() or 1, len(list(Path("/dev").glob("nvidia[0-9]*")))
    if spec.cpus > cores or spec.gpus > gpus:
        raise no_capacity(spec, "this machine", f"it has {cores} cores and {gpus} GPUs")
    return 1 if spec.gpus else cores // spec.cpus


def _options(spec: SlurmSpec) -> dict[str, Any]:
    memory = f"{round(spec.memory_gb * 1024)}M" if spec.memory_gb else ""
    own = {"gpus_per_node": spec.gpus, "mem": memory, "partition": spec.partition, "account": spec.account}
    return {"nodes": 1, "ntasks": 1, **{key: value for key, value in own.items() if value}, **spec.options}


def _flags(options: dict[str, Any]) -> list[str]:
    return [f"--{k.replace('_', '-')}" + ("" if x is True else f"={x}") for k, x in options.items()]


def _check_slurm(spec: SlurmSpec, store: Store) -> None:
    options = {"cpus_per_task": spec.cpus, "time": spec.minutes, **_options(spec)}
    tried = _run("sbatch", "--test-only", *_flags(options), "--wrap=true")
    if tried.returncode != 0:
        fix = "run this on a login node of a cluster that has room, or set cluster = 'local'"
        raise no_capacity(spec, "SLURM", f"{_last_line(tried.stderr)}; {fix}")
    where = {key: value for key in ("partition", "account") if (value := getattr(spec, key))}
    with probe_file(store) as path:
        # If no node is free, the check is left to the first job.
        options = {"quiet": True, "ntasks": 1, "time": 1, "immediate": PROBE_SECONDS, **where}
        look = _run("srun", *_flags(options), "sh", "-c", 'test -e "$0" || echo unseen', path)
    if look.stdout.strip() == "unseen":
        raise not_shared(store, "the nodes of SLURM")


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(words, capture_output=True, text=True, timeout=COMMAND_SECONDS, cwd="/")
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(words, 255, "", str(error))


def _last_line(text: str) -> str:
    return printable("".join(text.strip().splitlines()[-1:])[:300])
