"""Which process of a run this one is: by flags, or as JAX detects it."""

from collections.abc import Sequence
from typing import NamedTuple

from ._arguments import Arguments
from ._config_error import ConfigError
from ._wording import ascii_safe, found

LAST_PORT = 65_535


class Place(NamedTuple):
    """Where a process stands among those of a run.

    Args:
        host: the host of the first process.
        port: where the first process waits for the others.
        processes: how many there are.
        process: the index of this one, from 0.
        local_devices: which accelerators of its host are its own; None for all.
    """

    host: str
    port: int
    processes: int
    process: int
    local_devices: Sequence[int] | None = None


def place_by_flags(arguments: Arguments) -> Place | None:
    """What the flags say, or None without them.

    Raises:
        ConfigError: with one line, when they cannot be used.
    """
    given = {
        "--coordinator": arguments.coordinator,
        "--processes": arguments.processes,
        "--process": arguments.process,
    }
    missing = [flag for flag, value in given.items() if value is None]
    if arguments.distributed and len(missing) < len(given):
        there = next(flag for flag in given if flag not in missing)
        raise ConfigError([f"--distributed detects what {there} says; leave out one of the two"])
    if arguments.connect_seconds <= 0:
        raise ConfigError([f"--connect-seconds {arguments.connect_seconds:g}: expected a number above 0"])
    if len(missing) == len(given):
        return None
    if missing:
        flags = ", ".join(given)
        raise ConfigError([f"{flags} go together, and {' and '.join(missing)} is missing"])
    assert arguments.coordinator is not None
    assert arguments.processes is not None
    assert arguments.process is not None
    if arguments.processes < 1:
        raise ConfigError([f"--processes {arguments.processes}: expected how many there are, at least 1"])
    if not 0 <= arguments.process < arguments.processes:
        last = arguments.processes - 1
        line = f"--process {arguments.process}: expected 0 to {last}, the index of this one of --processes"
        raise ConfigError([f"{line} {arguments.processes}"])
    host, port = split_address(arguments.coordinator)
    return Place(host, port, arguments.processes, arguments.process)


def split_address(address: str) -> tuple[str, int]:
    """Host and port.

    >>> split_address("node1:4000"), split_address("[::1]:4000")
    (('node1', 4000), ('::1', 4000))

    Raises:
        ConfigError: it is no HOST:PORT.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= LAST_PORT:
        expected = f"HOST:PORT of the first process, with a port from 1 to {LAST_PORT}"
        raise ConfigError([f"--coordinator {found(address)}: expected {expected}"])
    return host, int(port)


def detected_place(seconds: float) -> Place:
    """What JAX detects under SLURM, Open MPI, Kubernetes and others.

    Raises:
        ConfigError: it detects nothing, or not all.
    """
    from jax._src.clusters import ClusterEnv

    fix = "start the processes with srun or mpirun, or give --coordinator, --processes and --process"
    try:
        address, processes, process, devices = ClusterEnv.auto_detect_unset_distributed_params(
            None, None, None, None, None, round(seconds)
        )
    except Exception as error:
        told = " ".join(str(error).split())
        raise ConfigError([f"--distributed: {ascii_safe(told)}; {fix}"]) from None
    if address is None or processes is None or process is None:
        raise ConfigError([f"--distributed: JAX detects no cluster here; {fix}"])
    return Place(*split_address(address), processes, process, devices)
