"""The `[executor]` table: where blocks of seeds are trained."""

from typing import Annotated, Literal

from pydantic import Field

from .kinds import kinds, of_kind
from .own import JsonValue
from .spec import Spec

TaskLimit = Annotated[int, Field(ge=1, le=10_000)]
# The package that each kind needs.
ENGINES = {"ray": "ray", "slurm": "submitit"}


class InProcessSpec(Spec):
    """Train blocks in this process, one after another."""

    kind: Literal["in_process"] = "in_process"


class ClusterSpec(Spec):
    """An executor that trains each block on a node of a cluster.

    Args:
        cpus: CPU cores per block; JAX counts each as a device.
        gpus: GPUs per block.
        memory_gb: memory per block, in GB.
    """

    kind: str
    cpus: Annotated[int, Field(ge=1, le=4096)] = 1
    gpus: Annotated[int, Field(ge=0, le=64)] = 0
    memory_gb: Annotated[float, Field(gt=0)] | None = None


class RaySpec(ClusterSpec):
    """Train each block as a task of a Ray cluster.

    Args:
        address: address of the head node, such as "10.0.0.1:6379"; "auto" looks on this machine. The default
            is RAY_ADDRESS. Without either, Ray is started on this machine for the duration of the run.
        memory_gb: memory to reserve per block, in GB; none by default.
        retries: how often to restart a block whose worker or node is lost; it resumes from a checkpoint.
        most: maximum number of tasks submitted at a time.
    """

    kind: Literal["ray"] = "ray"
    address: str = ""
    retries: Annotated[int, Field(ge=0, le=1000)] = 5
    most: TaskLimit = 1000


class SlurmSpec(ClusterSpec):
    """Train each block as a SLURM job, submitted by submitit.

    Args:
        cluster: "slurm", or "local" to use processes on this machine instead.
        memory_gb: memory per block, in GB; the partition's default if omitted.
        minutes: time limit of a job. A job that reaches it is requeued and resumes from its last checkpoint.
        partition: partition to submit to; SLURM's default if omitted.
        account: account to charge; SLURM's default if omitted.
        options: more options of sbatch, such as { constraint = "h200" }.
        most: maximum number of jobs in the queue at a time.
    """

    kind: Literal["slurm"] = "slurm"
    cluster: Literal["slurm", "local"] = "slurm"
    minutes: Annotated[int, Field(ge=1, le=100_000)] = 720
    partition: str = ""
    account: str = ""
    options: dict[str, JsonValue] = {}
    most: TaskLimit = 100


EXECUTORS = kinds(InProcessSpec, RaySpec, SlurmSpec)
Executor = Annotated[InProcessSpec | RaySpec | SlurmSpec, of_kind("executor", EXECUTORS)]
