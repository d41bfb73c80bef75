"""Worker: the machine's rate of float32 matrix products, in GFLOP/s.

Its argument is the number of cores to use, or null for all; its first answer describes the machine.
"""

import json
import os
import sys
import time
from pathlib import Path

from .worker import serve

SIZE = 2048
SECONDS = 0.2


def answers(cores):
    if cores is not None and hasattr(os, "sched_setaffinity"):
        # Before JAX starts its threads, which inherit it.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])
    import jax
    import jax.numpy as jnp

    from tpo_runs._run import provenance

    @jax.jit
    def multiply(matrix, times):
        # Every entry is 1 / SIZE, and so is every entry of the product.
        return jax.lax.fori_loop(0, times, lambda _, x: x @ matrix, matrix)

    def seconds(times):
        began = time.perf_counter()
        multiply(matrix, times).block_until_ready()
        return time.perf_counter() - began

    matrix = jnp.full((SIZE, SIZE), 1 / SIZE)
    seconds(1)
    times = max(1, round(SECONDS / seconds(1)))
    yield {"machine": {**provenance(), "processor": _processor(), "cores": _cores()}}
    while True:
        yield {"gflops": 2e-9 * SIZE**3 * times / seconds(times)}


def _processor():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


if __name__ == "__main__":
    serve(answers(json.loads(sys.argv[1])))
