"""The executor that runs blocks as tasks of a Ray cluster."""

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
from .._worker import train_block_into_store
from .block import RunContext
from .cluster import AbstractCluster, no_capacity, not_shared, probe_file
from .failures import describe_error

CONNECT_SECONDS = 5.0
PROBE_SECONDS = 60.0


class RayCluster(AbstractCluster):
    """Runs each block as a task. Ray restarts it elsewhere if its worker or node is lost."""

    def __init__(self, spec: RaySpec, config: Path, context: RunContext, *, short: bool):
        super().__init__(spec, config, context, short=short)
        handler = signal.getsignal(signal.SIGTERM)
        import ray  # pyright: ignore[reportMissingImports]

        self._ray: Any = ray
        where = _connect(ray, spec)
        # Ray has replaced the handler by one that ends this process without saving.
        signal.signal(signal.SIGTERM, handler)
        try:
            _check_room(ray, spec, where)
            _check_store_is_shared(ray, context.store, where)
        except BaseException:
            self.close()
            raise
        memory = {"memory": round(spec.memory_gb * 1e9)} if spec.memory_gb else {}
        self._task = ray.remote(train_block_into_store).options(
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
            return describe_error(error)

    def _cancel(self, jobs: Sequence[Any], *, kill: bool) -> None:
        for job in jobs:
            # Without force, Ray raises SIGINT in the worker.
            self._ray.cancel(job, force=kill)

    def close(self) -> None:
        """Disconnect. Stops Ray if this run started it."""
        self._ray.shutdown()


def _connect(ray: Any, spec: RaySpec) -> str:
    address = spec.address or os.environ.get("RAY_ADDRESS", "")
    where = f"the Ray cluster at {address}" if address else "Ray on this machine"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        host, colon, port = address.rpartition(":")
        if colon and "/" not in address:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        with warnings.catch_warnings():
            # JAX warns of every fork, but the processes of Ray call exec at once.
            warnings.simplefilter("ignore", RuntimeWarning)
            ray.init(
                address or None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=None if address else False,
            )
    except Exception as error:
        fix = "start it with `ray start --head`, or change address" if address else "see the message"
        raise ConfigError([f"[executor] {where} cannot be reached: {describe_error(error)}; {fix}"]) from None
    return where


def _nodes(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node["Alive"]]


def _check_room(ray: Any, spec: RaySpec, where: str) -> None:
    needs = {"CPU": spec.cpus, "GPU": spec.gpus, "memory": (spec.memory_gb or 0) * 1e9}
    nodes = [node["Resources"] for node in _nodes(ray)]
    if not any(all(node.get(name, 0) >= amount for name, amount in needs.items()) for node in nodes):
        largest = {name: max(node.get(name, 0) for node in nodes) for name in needs}
        sizes = "{CPU:g} cores, {GPU:g} GPUs".format(**largest)
        sizes += f" and {largest['memory'] / 1e9:.1f} GB"
        raise no_capacity(spec, where, f"no node has more than {sizes}")


def _check_store_is_shared(ray: Any, store: Store, where: str) -> None:
    from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
        NodeAffinitySchedulingStrategy,
    )

    exists = ray.remote(num_cpus=0, max_retries=0)(os.path.exists)
    with probe_file(store) as path:
        hosts = {
            exists.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(path): node["NodeManagerHostname"]
            for node in _nodes(ray)
        }
        done, _ = ray.wait(list(hosts), num_returns=len(hosts), timeout=PROBE_SECONDS)
        without = [hosts[ref] for ref in done if not ray.get(ref)]
    if without:
        raise not_shared(store, f"{', '.join(without)} of {where}")
