"""Train our own methods on small tasks of the suite and store what they reach as reference scores.

    python scripts/reference_scores.py [--out packages/tpo-envs/src/tpo_envs/data/reference_scores.json]

A score is the mean reward of the answers sampled in the last 10 of 300 steps, after 76,800 scored answers.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tpo_envs import describe, make_numpy
from tpo_runs import Store
from tpo_runs._cli import main as train

ROOT = Path(__file__).parents[1]
TASKS = [
    "token-reversal-terminal-h2-v2",
    "token-reversal-terminal-h3-v2",
    "token-sort-terminal-h2-v4",
    "token-parity-terminal-h2-v2",
    "brackets-terminal-h2-v2",
    "multiturn-reversal-terminal-t2-h2-v2",
    "noisy-reversal-fp10-fn10-h4-v2",
]
STEPS, SEEDS, LAST = 300, 3, 10
CONFIG = f"""
title = "Reference scores"

[policy]
kind = "transformer"
width = 32
layers = 1
heads = 2

[optimizer]
kind = "adam"
learning_rate = 3e-3

[schedule]
steps = {STEPS}
epochs = 2
seeds = {SEEDS}
"""
GROUP = '{ kind = "sequence_group", prompts = 32, candidates = 8 }'
SINGLE = '{ kind = "single", prompts = 256, baseline = "batch_mean" }'
METHODS = {
    "TPO": ('{ kind = "tpo", eta = 1.0 }', GROUP),
    "GRPO": ('{ kind = "grpo", clip = 0.2, kl_coef = 0.04 }', GROUP),
    "PPO": ('{ kind = "ppo", clip = 0.2 }', SINGLE),
    "DG": ('{ kind = "dg", eta = 1.0 }', SINGLE),
}


def config(task_id):
    """The experiment of one task as TOML."""
    row = describe(task_id)
    table = {"kind": row.family, **row.settings}
    task = "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items())
    methods = "\n".join(
        f'[[method]]\nname = "{name}"\nobjective = {objective}\nrollout = {rollout}'
        for name, (objective, rollout) in METHODS.items()
    )
    return f"{CONFIG}\n[task]\n{task}\n\n{methods}\n"


def scores_of(task_id, directory):
    """What each method reaches on one task."""
    path = directory / f"{task_id}.toml"
    path.write_text(config(task_id))
    out = directory / task_id
    if train([str(path), "--quiet", "--out", str(out)]) != 0:
        raise SystemExit(f"training on {task_id} failed")
    task = make_numpy(task_id)
    scores = {}
    for result in Store(out).results():
        returns = 1 - result.metrics["error"][:, -LAST:].mean(axis=1)
        normalized = (returns - task.random_score) / (task.optimal_score - task.random_score)
        scores[result.method] = {
            "mean_return": [round(float(value), 4) for value in returns],
            "normalized": [round(float(value), 4) for value in normalized],
            "answers_scored": 256 * STEPS,
        }
    return {name: scores[name] for name in METHODS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = ROOT / "packages/tpo-envs/src/tpo_envs/data/reference_scores.json"
    parser.add_argument("--out", type=Path, default=default)
    parser.add_argument("--tasks", nargs="+", default=TASKS)
    arguments = parser.parse_args()
    began, tasks = time.perf_counter(), {}
    with tempfile.TemporaryDirectory() as directory:
        for task_id in arguments.tasks:
            tasks[task_id] = scores_of(task_id, Path(directory))
            print(
                task_id, {name: record["normalized"] for name, record in tasks[task_id].items()}, flush=True
            )
    packages = ("tpo-envs", "tpo-objectives", "tpo-models", "tpo-runs", "jax", "numpy")
    record = {
        "provenance": {
            "command": "python scripts/reference_scores.py",
            "what": f"mean reward of sampled answers, last {LAST} of {STEPS} steps, seeds 0 to {SEEDS - 1}",
            "config": CONFIG.strip().splitlines(),
            "methods": {name: {"objective": o, "rollout": r} for name, (o, r) in METHODS.items()},
            "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
            "machine": f"{platform.machine()} CPU, 2 cores, shared",
            "seconds": round(time.perf_counter() - began),
        },
        "tasks": tasks,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(record, indent=1) + "\n")
    print(arguments.out)


if __name__ == "__main__":
    sys.exit(main())
