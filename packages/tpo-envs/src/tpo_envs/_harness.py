"""Runs a method over the suite and writes what it earns into one JSON file."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ._numpy_bandit import NumpyBandit
from ._numpy_checks import check_count
from ._numpy_tokens import NumpyTokenTask
from ._scoring import LEVEL, Score, bootstrap, score
from ._suite import describe, list_tasks, make_numpy

FORMAT = "tpo-envs results 1"
MEASURES = ("mean_return", "exact_match", "regret", "normalized")
Method = Callable[[NumpyTokenTask | NumpyBandit, int], Callable[[Any], Any]]


def run_suite(
    method: Method,
    tasks: Iterable[str] | None = None,
    *,
    seeds: int = 1,
    n: int = 1000,
    out: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Train or build a policy for every task and seed, score it, and keep all scores in one JSON file.

    Args:
        method: `method(task, seed)` returns a policy, a function from inputs to answers as in `score`. `task`
            is that of `make_numpy`, to draw questions from and to score answers with.
        tasks: ids; all but those made of images when left out.
        seeds: how many times each task is run, with seeds from 0. From 2 on, intervals are over seeds.
        n: how many questions a policy is judged on; every seed has its own.
        out: the JSON file, written anew after every task, so that an error in a later one costs nothing.

    Returns:
        What the file holds: by task, each measure of `Score` with its interval and the value of every seed,
        and the mean normalized score by tag.

    Raises:
        ValueError: for an unknown id, before anything is run.

    Example:
        >>> from tpo_envs import run_suite
        >>> def uniform(task, seed):
        ...     return lambda inputs: task.random_answers(seed, len(inputs))
        >>> results = run_suite(uniform, ["token-reversal-bag-h4-v2"], seeds=3, n=200)
        >>> abs(results["tasks"]["token-reversal-bag-h4-v2"]["normalized"]["mean"]) < 0.2
        True
    """
    ids = [i for i in list_tasks() if describe(i).family != "images"] if tasks is None else list(tasks)
    for task_id in ids:
        describe(task_id)
    check_count("seeds", seeds, 1)
    results: dict[str, Any] = {
        "format": FORMAT,
        "tpo-envs": version("tpo-envs"),
        "numpy": np.__version__,
        "questions": n,
        "level": LEVEL,
        "tasks": {},
        "tags": {},
    }
    for task_id in ids:
        task = make_numpy(task_id)
        scores = [score(task_id, method(task, seed), n=n, seed=seed) for seed in range(seeds)]
        results["tasks"][task_id] = _entry(task_id, task, scores)
        results["tags"] = _by_tag(results["tasks"])
        if out is not None:
            _write(Path(out), results)
    return results


def _entry(task_id: str, task: NumpyTokenTask | NumpyBandit, scores: list[Score]) -> dict[str, Any]:
    row = describe(task_id)
    entry: dict[str, Any] = {
        "family": row.family,
        "difficulty": row.difficulty,
        "tags": list(row.tags),
        "random_score": task.random_score,
        "optimal_score": task.optimal_score,
        "seeds": list(range(len(scores))),
    }
    for measure in MEASURES:
        intervals = [getattr(one, measure) for one in scores]
        means = np.array([interval.mean for interval in intervals])
        whole = intervals[0] if len(scores) == 1 else bootstrap(means)
        entry[measure] = {
            "mean": whole.mean,
            "low": whole.low,
            "high": whole.high,
            "by_seed": means.tolist(),
        }
    return entry


def _by_tag(entries: dict[str, Any]) -> dict[str, float]:
    tags = dict.fromkeys(tag for entry in entries.values() for tag in entry["tags"])
    return {
        tag: float(
            np.mean([entry["normalized"]["mean"] for entry in entries.values() if tag in entry["tags"]])
        )
        for tag in tags
    }


def _write(path: Path, results: dict[str, Any]) -> None:
    """Write beside the file and then take its place, so that what is there is always whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False, encoding="utf-8"
    ) as file:
        json.dump(results, file, indent=1)
    os.replace(file.name, path)
