"""Table `[executor]`: where blocks of seeds are trained."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ._spec import Spec, kinds
from ._specs_objective import storable

Cpus = Annotated[int, Field(ge=1, le=4096)]
Gpus = Annotated[int, Field(ge=0, le=64)]
Memory = Annotated[float, Field(gt=0)]
Room = Annotated[int, Field(ge=1, le=10_000)]
# The package that each kind needs, which is also the name of the extra.
ENGINES = {"ray": "ray", "slurm": "submitit"}


class InProcessSpec(Spec):
    """Blocks are trained in this process, one after another."""

    kind: Literal["in_process"] = "in_process"


class RaySpec(Spec):
    """Blocks are tasks of a Ray cluster.

    Args:
        address: of the cluster's head, such as "10.0.0.1:6379"; "auto" looks on this machine. By default that
            of RAY_ADDRESS, and without it Ray is started on this machine for as long as the run lasts.
        cpus: cores of a block, which are as many devices of JAX.
        gpus: GPUs of a block.
        memory_gb: memory that Ray sets aside for a block, in GB; by default none.
        retries: how often a block whose worker or node is lost goes on elsewhere, from its last checkpoint.
        most: blocks that Ray is told of at a time.
    """

    kind: Literal["ray"] = "ray"
    address: str = ""
    cpus: Cpus = 1
    gpus: Gpus = 0
    memory_gb: Memory | None = None
    retries: Annotated[int, Field(ge=0, le=1000)] = 5
    most: Room = 1000


class SlurmSpec(Spec):
    """Blocks are jobs of SLURM, submitted by submitit.

    Args:
        cluster: "slurm", or "local" for processes of this machine in SLURM's place.
        cpus: cores of a job, which are as many devices of JAX.
        gpus: GPUs of a job.
        memory_gb: memory of a job in GB; by default the partition's.
        minutes: the longest that a job may take. One that is stopped by then is requeued, and goes on from
            its last checkpoint.
        partition: where jobs queue; by default SLURM's default.
        account: who pays; by default SLURM's default.
        options: further options of sbatch, such as { constraint = "h200" }.
        most: jobs in the queue at a time.
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
