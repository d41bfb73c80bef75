"""What checkpoints cost on sparse token reversal: seconds each, and their share at the default interval.

python scripts/bench_checkpoint.py [--seeds 4] [--steps 2000] [--rounds 20]
"""

import argparse
import tempfile
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from tpo_runs import build_policy, build_trainer, initial_state, load_config
from tpo_runs._config import Schedule
from tpo_runs._run import Checkpoint, Checkpoints

CONFIG = Path(__file__).parents[1] / "configs" / "transformer_rlvr.toml"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4, help="seeds in a block")
    parser.add_argument("--steps", type=int, default=2000, help="steps whose metrics are kept with the state")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    cell = load_config(CONFIG).cells[0]
    seeds = jnp.arange(arguments.seeds)
    state = initial_state(build_trainer(cell), build_policy(cell), seeds)
    metrics = {
        name: np.random.default_rng(0).random((arguments.seeds, arguments.steps), np.float32)
        for name in cell.metrics
    }
    seconds = []
    with tempfile.TemporaryDirectory() as directory:
        checkpoints = Checkpoints(Path(directory) / "seeds", {"cell": cell.identity()})
        for step in range(arguments.rounds):
            began = time.perf_counter()
            checkpoints.save(Checkpoint(step, state, metrics, {"seconds": 0.0}))
            seconds.append(time.perf_counter() - began)
        size = sum(path.stat().st_size for path in checkpoints.directory.glob(f"step-{step:09d}/*"))
    low, middle, high = np.quantile(seconds, [0, 0.5, 1])
    interval = 60 * Schedule(steps=1).checkpoint_minutes
    print(
        f"a checkpoint: {1000 * middle:.0f} ms ({1000 * low:.0f} to {1000 * high:.0f}), {size / 1e6:.1f} MB"
    )
    print(f"every {interval:.0f} s: {100 * middle / interval:.3f}% of the wall time")


if __name__ == "__main__":
    main()
