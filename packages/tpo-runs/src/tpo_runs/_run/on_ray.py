"""Blocks as tasks of a Ray cluster."""

import logging
import os
import signal
import socket
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .._config import RaySpec
from .._errors import ConfigError
from .._store import Store
from .block import Surroundings
from .cluster import AbstractCluster, file_to_see, no_room, unseen
from .failures import told
from .worker import train_block_into_store

CONNECT_SECONDS = 5.0
LOOK_SECONDS = 60.0


class RayCluster(AbstractCluster):
    """Each block is a task. Ray starts it again elsewhere if its worker or node is lost.

    Raises:
        ConfigError: Ray cannot be reached, has no room for a block, or a node does not see the store.
    """

    def __init__(self, spec: RaySpec, config: Path, around: Surroundings, *, short: bool):
        super().__init__(spec, config, around, short=short)
        handler = signal.getsignal(signal.SIGTERM)
        import ray  # pyright: ignore[reportMissingImports]

        self._ray: Any = ray
        where = _connect(spec)
        # Ray has replaced it by one that ends this process before anything is saved.
        signal.signal(signal.SIGTERM, handler)
        try:
            _check_room(spec, where)
            _check_store_is_seen(around.store, where)
        except BaseException:
            self.close()
            raise
        memory = {"memory": round(spec.memory_gb * 1e9)} if spec.memory_gb else {}
        self._task = self._ray.remote(train_block_into_store).options(
            num_cpus=spec.cpus, num_gpus=spec.gpus, max_retries=spec.retries, **memory
        )

    def _submit(self, calls: Sequence[dict[str, Any]]) -> Sequence[Any]:
        return [self._task.remote(**call) for call in calls]

    def _ended(self, jobs: Sequence[Any], seconds: float) -> Sequence[Any]:
        if not jobs or not self._ray.wait(jobs, num_returns=1, timeout=seconds)[0]:
            return []
        return self._ray.wait(jobs, num_returns=len(jobs), timeout=0)[0]

    def _failure(self, job: Any) -> str:
        try:
            return self._ray.get(job)
        except Exception as error:
            return told(error)

    def _cancel(self, jobs: Sequence[Any], *, kill: bool) -> None:
        for job in jobs:
            # Without force, Ray raises SIGINT in the worker.
            self._ray.cancel(job, force=kill)

    def close(self) -> None:
        """Disconnect, which also stops a Ray that this run started."""
        self._ray.shutdown()


def _connect(spec: RaySpec) -> str:
    import ray  # pyright: ignore[reportMissingImports]

    address = spec.address or os.environ.get("RAY_ADDRESS", "")
    where = f"the Ray cluster at {address}" if address else "Ray on this machine"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        host, colon, port = address.rpartition(":")
        if colon and "/" not in address:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        with warnings.catch_warnings():
            # JAX warns of every fork, but Ray's processes replace themselves at once.
            warnings.simplefilter("ignore", RuntimeWarning)
            ray.init(
                address or None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=None if address else False,
            )
    except Exception as error:
        fix = "start it with `ray start --head`, or change address" if address else "see the message"
        raise ConfigError([f"[executor] {where} cannot be reached: {told(error)}; {fix}"]) from None
    return where


def _nodes() -> list[dict[str, Any]]:
    import ray  # pyright: ignore[reportMissingImports]

    return [node for node in ray.nodes() if node["Alive"]]


def _check_room(spec: RaySpec, where: str) -> None:
    asked = {"CPU": spec.cpus, "GPU": spec.gpus, "memory": (spec.memory_gb or 0) * 1e9}
    nodes = [node["Resources"] for node in _nodes()]
    if not any(all(node.get(name, 0) >= amount for name, amount in asked.items()) for node in nodes):
        most = {name: max(node.get(name, 0) for node in nodes) for name in asked}
        largest = f"{most['CPU']:g} cores, {most['GPU']:g} GPUs and {most['memory'] / 1e9:.1f} GB"
        raise no_room(spec, where, f"no node has more than {largest}")


def _check_store_is_seen(store: Store, where: str) -> None:
    import ray  # pyright: ignore[reportMissingImports]
    from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
        NodeAffinitySchedulingStrategy,
    )

    look = ray.remote(num_cpus=0, max_retries=0)(os.path.exists)
    with file_to_see(store) as path:
        looks = {
            look.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(path): node["NodeManagerHostname"]
            for node in _nodes()
        }
        done, _ = ray.wait(list(looks), num_returns=len(looks), timeout=LOOK_SECONDS)
        blind = [looks[ref] for ref in done if not ray.get(ref)]
    if blind:
        raise unseen(store, f"{', '.join(blind)} of {where}")


make = RayCluster
