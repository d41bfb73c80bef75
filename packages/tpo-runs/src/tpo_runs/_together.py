"""A run over several processes, from their meeting to their end."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Mapping

import jax

from ._arguments import Arguments
from ._config_error import ConfigError
from ._devices import set_up_jax
from ._follow import follow
from ._integrity import digest
from ._jax_settings import fixed_settings
from ._load import LoadedConfig
from ._origin import own_module
from ._own_modules import source_hashes
from ._peer import Peer
from ._place import Place
from ._processes import Leader
from ._provenance import versions
from ._rendezvous import Meeting, meet
from ._run import run
from ._signals import StopSignals
from ._stored_config import config_text
from ._streams import patient

# Above what `_peer` needs to notice the same and tell of it in one line: JAX ends the process without one.
HEARTBEAT_SECONDS = 60


def run_together(loaded: LoadedConfig, arguments: Arguments, stop: StopSignals, place: Place) -> int:
    """Take part in a run: lead it, as the first process, or follow.

    Returns:
        The exit code, the same in all processes.

    Raises:
        ConfigError: the processes do not come together, or the run is refused.
        StorageError, Stopped: as `tpo_runs._run.run`; in the first process only.
        LostProcessError: another process has ended before the run did.
    """
    if loaded.config.executor.kind != "in_process":
        kind = f"[executor] kind = {loaded.config.executor.kind!r}"
        raise ConfigError([f"{kind} trains elsewhere: leave it out, or run one process"])
    set_up_jax(short=arguments.smoke)
    meeting = meet(place, _what_must_agree(loaded), arguments.connect_seconds)
    _keep_standard_output()
    if place.process > 0:
        ((link, name),) = meeting.others.values()
        with contextlib.closing(link):
            leader = Peer(link, name)
            _start_jax(place, meeting)
            with fixed_settings():
                return follow(loaded, leader, stop)
    peers: dict[int, Peer] = {}

    def tell_all(what: str) -> None:
        for peer in peers.values():
            peer.send({"do": "lost", "what": what})

    for index, (link, name) in meeting.others.items():
        peers[index] = Peer(link, name, stop.arrived_elsewhere, tell_all)
    with Leader(peers, stop) as leader:
        _start_jax(place, meeting)
        leader.code = run(loaded, arguments, stop, leader)
        return leader.code


def _what_must_agree(loaded: LoadedConfig) -> Mapping[str, str]:
    hashes = {"config": digest(config_text(loaded.config).encode())}
    for cell in loaded.cells:
        hashes |= source_hashes(own_module(cell))
    return {**versions(), **{name: value[:12] for name, value in hashes.items()}}


def _start_jax(place: Place, meeting: Meeting) -> None:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # It would take SIGTERM for itself.
    jax.config.update("jax_enable_preemption_service", False)
    host = f"[{place.host}]" if ":" in place.host else place.host
    jax.distributed.initialize(
        f"{host}:{meeting.port}",
        place.processes,
        place.process,
        place.local_devices,
        cluster_detection_method="deactivate",
        heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        shutdown_timeout_seconds=HEARTBEAT_SECONDS,
    )
    _delay_aborts()
    # All processes have to ask before any gets an answer.
    jax.devices()


def _delay_aborts() -> None:
    """Have an abort wait for some seconds.

    JAX aborts a process in one of its threads as soon as the first process is gone. The others need a moment
    to tell of it and to end. The handler is the C library's `sleep`, and the signal's number, 6, is for how
    long: Python's own handlers would come too late.
    """
    if os.name == "posix":
        libc = ctypes.CDLL(None)
        libc.signal(int(signal.SIGABRT), ctypes.cast(libc.sleep, ctypes.c_void_p))


def _keep_standard_output() -> None:
    """Send what libraries print on standard output to standard error, as Gloo does of its connections."""
    sys.stdout.flush()
    kept = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = patient(os.fdopen(kept, "w", encoding=sys.stdout.encoding, buffering=1))
