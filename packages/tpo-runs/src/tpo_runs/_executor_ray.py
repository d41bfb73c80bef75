"""The executor that hands blocks to a Ray cluster."""

import logging
import os
import socket
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ._block import Surroundings
from ._config_error import ConfigError
from ._failures import told
from ._orders import Order, Orders
from ._remote import AbstractRemote
from ._specs_executor import RaySpec
from ._wording import counted
from ._worker import work

CONNECT_SECONDS = 5.0
LOOK_SECONDS = 60.0


class RayBlocks(AbstractRemote):
    """Each block is a task, which Ray starts anew elsewhere when its worker or node is lost."""

    def __init__(self, spec: RaySpec, orders: Orders, config: Path, around: Surroundings, *, short: bool):
        import ray  # pyright: ignore[reportMissingImports]

        super().__init__(orders, config, around, room=spec.most, cpus=spec.cpus, short=short)
        memory = {"memory": round(spec.memory_gb * 1e9)} if spec.memory_gb else {}
        self._ray = ray
        self._task = ray.remote(work).options(
            num_cpus=spec.cpus, num_gpus=spec.gpus, max_retries=spec.retries, **memory
        )
        self._refs: dict[Any, str] = {}

    def _send(self, order: Order) -> None:
        self._refs[self._task.remote(order)] = order.name

    def _ended(self, seconds: float) -> Mapping[str, str]:
        if not self._refs:
            return {}
        self._ray.wait(list(self._refs), num_returns=1, timeout=seconds)
        ready, _ = self._ray.wait(list(self._refs), num_returns=len(self._refs), timeout=0)
        return {self._refs.pop(ref): _words(ref) for ref in ready}

    def _drop(self, name: str) -> None:
        for ref in [ref for ref, other in self._refs.items() if other == name]:
            self._ray.cancel(ref, force=True)
            del self._refs[ref]

    def _leave(self) -> None:
        self._ray.shutdown()


def _words(ref: Any) -> str:
    import ray  # pyright: ignore[reportMissingImports]

    try:
        ray.get(ref)
    except Exception as error:
        return told(error)
    return ""


def make(spec: RaySpec, config: Path, around: Surroundings, *, short: bool) -> RayBlocks:
    """Connect to the cluster, or start one on this machine.

    Raises:
        ConfigError: it cannot be reached, has not what a block needs, or a node does not see the store.
    """
    import ray  # pyright: ignore[reportMissingImports]

    where = _connect(spec)
    orders = None
    try:
        _check_resources(spec, where)
        orders = Orders.begin(around.store.root)
        _check_sight(orders, where)
        return RayBlocks(spec, orders, config, around, short=short)
    except BaseException:
        if orders is not None:
            orders.end(keep=False)
        ray.shutdown()
        raise


def _connect(spec: RaySpec) -> str:
    import ray  # pyright: ignore[reportMissingImports]

    address = spec.address or os.environ.get("RAY_ADDRESS", "")
    where = f"the Ray cluster at {address}" if address else "Ray on this machine"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        host, colon, port = address.rpartition(":")
        if colon and "/" not in address:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        dashboard = None if address else False
        with warnings.catch_warnings():
            # JAX warns of every fork; Ray's processes are replaced at once.
            warnings.simplefilter("ignore", RuntimeWarning)
            ray.init(
                address or None,
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=dashboard,
            )
    except Exception as error:
        fix = "start it with `ray start --head`, or change address" if address else "see the message"
        raise ConfigError([f"[executor] {where} cannot be reached: {told(error)}; {fix}"]) from None
    return where


def _check_resources(spec: RaySpec, where: str) -> None:
    import ray  # pyright: ignore[reportMissingImports]

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    asked = {"CPU": spec.cpus, "GPU": spec.gpus, "memory": (spec.memory_gb or 0) * 1e9}
    if any(all(node.get(name, 0) >= count for name, count in asked.items()) for node in nodes):
        return
    largest = {name: max(node.get(name, 0) for node in nodes) for name in asked}
    raise ConfigError(
        [
            f"[executor] a block asks for {_amounts(asked)}, but no node of {where} has that: "
            f"the most are {_amounts(largest)}; lower cpus, gpus or memory_gb"
        ]
    )


def _amounts(resources: Mapping[str, float]) -> str:
    cores, gpus = round(resources["CPU"]), round(resources["GPU"])
    return f"{counted(cores, 'core')}, {counted(gpus, 'GPU')} and {resources['memory'] / 1e9:.1f} GB"


def _check_sight(orders: Orders, where: str) -> None:
    """Have every node look for a file of the store."""
    import ray  # pyright: ignore[reportMissingImports]
    from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
        NodeAffinitySchedulingStrategy,
    )

    look = ray.remote(_sees)
    nodes = {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
    looks = {}
    for node, name in nodes.items():
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        options = look.options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        looks[options.remote(str(orders.token.resolve()), orders.run)] = name
    done, _ = ray.wait(list(looks), num_returns=len(looks), timeout=LOOK_SECONDS)
    blind = [looks[ref] for ref in done if _words(ref) or not ray.get(ref)]
    if blind:
        raise orders.unseen_by(f"{', '.join(blind)} of {where}")


def _sees(token: str, run: str) -> bool:
    try:
        return Path(token).read_text() == run
    except OSError:
        return False
