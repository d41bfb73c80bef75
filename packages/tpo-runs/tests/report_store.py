"""Stores as runs leave them, filled with made-up numbers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from tpo_runs import Store, load_config
from tpo_runs._store import manifest

CONFIG = """
title = "Made up <b>& small</b>"
paper = "Fig. 1"
probes = ["gradient_norm"]
[task]
kind = "tokens"
target = "copy"
reward = "terminal"
horizon = 3
vocab_size = 2
[policy]
kind = "transformer"
[optimizer]
kind = "adam"
learning_rate = 1e-2
[schedule]
steps = {steps}
seeds = {seeds}
[grid]
"task.horizon" = {horizons}
[[method]]
name = "TPO"
objective = {{ kind = "tpo" }}
rollout = {{ kind = "sequence_group", prompts = 4, candidates = 2 }}
[[method]]
name = "PPO"
objective = {{ kind = "ppo" }}
rollout = {{ kind = "single", prompts = 4, baseline = "batch_mean" }}
[[method]]
name = "<script>alert('name')</script>"
objective = {{ kind = "dg" }}
rollout = {{ kind = "single", prompts = 4, baseline = "batch_mean" }}
"""
PAPER_CONFIG = """
title = "As in the paper"
task = { kind = "tokens", target = "reverse_copy", reward = "bag_of_tokens", horizon = 10, vocab_size = 2 }
policy = { kind = "transformer", width = 64, layers = 2 }
optimizer = { kind = "muon", learning_rate = 1e-3 }
schedule = { steps = 1000, seeds = 2, epochs = 4 }
[[method]]
name = "Mine"
objective = { kind = "tpo" }
rollout = { kind = "token_group", prompts = 100, candidates = 8 }
"""
# For what has nothing to do with figures: a store is made in a hundredth of the time that drawing takes.
UNDRAWN = "figures = []\n" + CONFIG
PROVENANCE = {
    "versions": {"jax": "0.10.2", "tpo-runs": "0.1.0"},
    "python": "3.11.2",
    "platform": "Linux",
    "devices": ["cpu: cpu"],
    "cpu_count": 2,
    "xla_flags": "",
    "git": {"commit": "0123abc", "dirty": True},
    "objective": {},
}
TIMING = {"seconds": 1.5, "host": "here", "finished": "2026-01-01T00:00:00+0000"}


def make_store(
    root: Path, *, points: int, seeds: int, steps: int, complete: bool = False, config: str = CONFIG
) -> Store:
    """Three methods. Unless `complete`, the last cell is missing, and a seed of the second is lost."""
    path = root / "made_up.toml"
    horizons = list(range(2, 2 + points))
    path.write_text(config.format(steps=steps, seeds=seeds, horizons=horizons))
    loaded = load_config(path)
    store = Store(root / "out")
    store.root.mkdir()
    store.write_run(manifest(loaded, store), loaded.config)
    random = np.random.default_rng(0)
    for number, cell in enumerate(loaded.cells):
        if not complete and number == len(loaded.cells) - 1:
            continue
        decay = np.exp(-np.arange(steps) / (steps / 5) * random.uniform(0.5, 2.0, (seeds, 1)))
        error = np.clip(decay + 0.02 * random.normal(size=(seeds, steps)), 0, 1).astype(np.float32)
        metrics = {"error": error, "loss": 2 * error, "gradient_norm": np.sqrt(error)}
        lost = {}
        if not complete and number == 1:
            lost = {"1": steps // 2}
            for values in metrics.values():
                values[1, steps // 2 :] = np.nan
        facts = {**PROVENANCE, "diverged": lost}
        store.write_block(cell, range(seeds), metrics, facts, TIMING)
    return store


def store_of(
    root: Path,
    errors: Float[np.ndarray, "s steps"],
    *,
    config: str = "",
    method: str = "TPO",
    first_seed: int = 0,
    timing: Mapping[str, object] = TIMING,
) -> Store:
    """One method with these errors."""
    root.mkdir(exist_ok=True, parents=True)
    path = root / "made_up.toml"
    seeds, steps = errors.shape
    path.write_text(config or CONFIG.format(steps=steps, seeds=seeds, horizons=[2]))
    first = [("schedule.first_seed", str(first_seed)), ("schedule.seeds", str(seeds))]
    loaded = load_config(path, methods=method, overrides=[*first, ("schedule.steps", str(steps))])
    store = Store(root / "out")
    store.root.mkdir()
    store.write_run(manifest(loaded, store), loaded.config)
    metrics = {"error": errors.astype(np.float32), "loss": errors.astype(np.float32)}
    store.write_block(loaded.cells[0], range(first_seed, first_seed + seeds), metrics, PROVENANCE, timing)
    return store
