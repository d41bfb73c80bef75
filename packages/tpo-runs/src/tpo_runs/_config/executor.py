"""Table `[executor]`: where to train blocks of seeds."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from .objective import storable
from .spec import Spec, kinds

Cpus = Annotated[int, Field(ge=1, le=4096)]
Gpus = Annotated[int, Field(ge=0, le=64)]
Memory = Annotated[float, Field(gt=0)]
Room = Annotated[int, Field(ge=1, le=10_000)]
# The package that each kind needs.
ENGINES = {"ray": "ray", "slurm": "submitit"}


class InProcessSpec(Spec):
    """Train blocks in this process, one after another."""

    kind: Literal["in_process"] = "in_process"


class RaySpec(Spec):
    """Train each block as a task of a Ray cluster.

    Args:
        address: address of the head node, such as "10.0.0.1:6379"; "auto" looks on this machine. The default
            is RAY_ADDRESS. Without either, Ray is started on this machine for the duration of the run.
        cpus: CPU cores per block; JAX counts each as a device.
        gpus: GPUs per block.
        memory_gb: memory to reserve per block, in GB; none by default.
        retries: how often to restart a block whose worker or node is lost; it resumes from a checkpoint.
        most: the most tasks to submit at a time.
    """

    kind: Literal["ray"] = "ray"
    address: str = ""
    cpus: Cpus = 1
    gpus: Gpus = 0
    memory_gb: Memory | None = None
    retries: Annotated[int, Field(ge=0, le=1000)] = 5
    most: Room = 1000


class SlurmSpec(Spec):
    """Train each block as a SLURM job, submitted by submitit.

    Args:
        cluster: "slurm", or "local" to use processes on this machine instead.
        cpus: CPU cores per job; JAX counts each as a device.
        gpus: GPUs per job.
        memory_gb: memory per job, in GB; the partition's default if omitted.
        minutes: time limit of a job. A job that reaches it is requeued and resumes from its last checkpoint.
        partition: partition to submit to; SLURM's default if omitted.
        account: account to charge; SLURM's default if omitted.
        options: more options of sbatch, such as { constraint = "h200" }.
        most: the most jobs in the queue at a time.
    """

    kind: Literal["slurm"] = "slurm"
    cluster: Literal["slurm", "local"] = "slurm"
    cpus: Cpus = 1
    gpus: Gpus = 0
    memory_gb: Memory | None = None
    minutes: Annotated[int, Field(ge=1, le=100_000)] = 720
    partition: str = ""
    account: str = ""
    options: dict[str, Annotated[Any, AfterValidator(storable)]] = {}
    most: Room = 100


Executor = Annotated[InProcessSpec | RaySpec | SlurmSpec, Field(discriminator="kind")]
EXECUTORS = kinds(Executor)
