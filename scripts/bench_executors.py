"""What a block costs besides training: from its submission to the result in the store, one block at a time.

python scripts/bench_executors.py [--kinds in_process,ray] [--blocks 200] [--rounds 3]

The blocks are one step of a bandit with one seed. Nothing is counted before every worker has trained a few.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmark.bandit import bandit_config

from tpo_runs import Store, load_config
from tpo_runs._config import EXECUTORS, TrackingSpec
from tpo_runs._run import (
    Block,
    Display,
    Replacement,
    RunContext,
    Trackers,
    make_executor,
    set_up_jax,
    train_all,
)
from tpo_runs._signals import StopSignals
from tpo_runs._store import manifest

WARM = 5


def rounds_of(kind: str, blocks: int, rounds: int, directory: Path) -> list[float]:
    """Seconds a block, by round."""
    path = directory / "config.toml"
    path.write_text(bandit_config(steps=1, seeds=1_000_000))
    loaded, store = load_config(path), Store(directory / "out")
    store.write_run(manifest(loaded, store), loaded.config)
    (cell,) = loaded.cells
    trackers = Trackers(TrackingSpec(), store, print)
    context = RunContext(store, Display(0, 0), StopSignals(), trackers, Replacement(store))
    # One block has the whole machine, so that blocks take turns and each counts in full.
    table = {"kind": kind} | ({} if kind == "in_process" else {"cpus": os.cpu_count()})
    executor = make_executor(EXECUTORS[kind].model_validate(table), path, context, short=False)
    seeds, seconds = iter(range(10**6)), []
    try:
        train_all([Block(cell, (next(seeds),)) for _ in range(WARM)], executor, context)
        for _ in range(rounds):
            began = time.perf_counter()
            failed = train_all([Block(cell, (next(seeds),)) for _ in range(blocks)], executor, context)
            seconds.append((time.perf_counter() - began) / blocks)
            assert not failed
    finally:
        executor.close()
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", default="in_process,ray")
    parser.add_argument("--blocks", type=int, default=200, help="blocks of a round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    set_up_jax()
    for kind in arguments.kinds.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            seconds = rounds_of(kind, arguments.blocks, arguments.rounds, Path(scratch))
        low, middle, high = np.quantile(seconds, [0, 0.5, 1]) * 1000
        print(f"{kind}: {middle:.1f} ms a block ({low:.1f} to {high:.1f})", flush=True)


if __name__ == "__main__":
    main()
