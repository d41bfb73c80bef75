"""A SLURM of one node, with a configuration of its own, for as long as a test lasts."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG = """
ClusterName=test
SlurmctldHost={host}
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType={auth}
CredType=cred/none
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobRequeue=1
KillWait=2
BatchStartTimeout=30
SchedulerParameters=sched_interval=1
NodeName={host} CPUs={cpus} RealMemory=1000
PartitionName=short Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def installed() -> bool:
    """Whether SLURM's programs are on this machine."""
    return all(shutil.which(name, path=_path()) for name in ("slurmctld", "slurmd", "sbatch"))


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def slurm(directory: Path, cpus: int) -> Iterator[dict[str, str]]:
    """Start the daemons; what they need in the environment of a client."""
    for name in ("state", "spool"):
        (directory / name).mkdir(parents=True)
    host = socket.gethostname().split(".")[0]
    settings = {"host": host, "user": os.environ.get("USER", "root"), "directory": directory, "cpus": cpus}
    ports = {"controller_port": free_port(), "node_port": free_port()}
    path = directory / "slurm.conf"
    path.write_text(CONFIG.format(**settings, **ports, auth="auth/none"))
    environment = {"SLURM_CONF": str(path), "PATH": _path()}
    daemons = []
    try:
        for words in (["slurmctld", "-D"], ["slurmd", "-D", "-N", host]):
            with (directory / f"{words[0]}.log").open("w") as log:
                daemons.append(
                    subprocess.Popen(
                        words, env=os.environ | environment, stdout=log, stderr=log, cwd=directory
                    )
                )
        _wait_for_idle(directory, environment)
        yield environment
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()


def ask(environment: dict[str, str], *words: str) -> str:
    """What one of SLURM's programs prints."""
    return subprocess.run(
        words, env=os.environ | environment, capture_output=True, text=True, timeout=60
    ).stdout


def _wait_for_idle(directory: Path, environment: dict[str, str]) -> None:
    until = time.monotonic() + 60
    while "idle" not in ask(environment, "sinfo", "--noheader", "--format=%t"):
        logs = "\n".join(path.read_text() for path in directory.glob("*.log"))
        assert time.monotonic() < until, logs
        time.sleep(0.5)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
