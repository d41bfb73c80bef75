"""Run a method on the suite and write its scores to a JSON file."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import numpy as np

from ._files import destination, is_stream, write_text
from ._intervals import LEVEL
from ._numpy_answers import NumpyAnswerTask
from ._numpy_bandit import NumpyBandit
from ._numpy_checks import check_count
from ._scoring import Score, count_interval, score, summarize
from ._suite import describe, list_tasks, make_numpy
from ._user_code import user_code

FORMAT = "tpo-envs results 1"
Method = Callable[[NumpyAnswerTask | NumpyBandit, int], Callable[[Any], Any]]


def run_suite(
    method: Method,
    tasks: str | Iterable[str] | None = None,
    *,
    seeds: int = 1,
    n: int = 1000,
    candidates: int = 1,
    out: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Train or build a policy for every task and seed, score it, and write all scores to one JSON file.

    Args:
        method: `method(task, seed)` returns a policy, a function from inputs to answers as in `score`. `task`
            comes from `make_numpy`; the method draws questions and scores answers with it.
        tasks: ids; by default all tasks except those made of images.
        seeds: how many times each task is run, with seeds from 0. Intervals cover questions and seeds: if the
            means of the seeds differ by more than the questions explain, they use Student's t over these
            means. With two seeds, intervals are wide.
        n: the number of questions that score a policy; every seed has its own questions.
        candidates: if above 1, policies also give this many answers to each question of a task in which
            several can be right, and `distinct_right` counts the different right answers, as in `score`.
        out: the JSON file. It is rewritten after every task, so that an error in a later task loses nothing.
            A stream such as `/dev/stdout` is written once, at the end.

    Returns:
        The content of the file: by task, each measure of `Score` with its interval and the value of every
        seed, and the mean normalized score by tag.

    Raises:
        ValueError: if an id is unknown, before anything is run.
        OSError: if `out` cannot be written to, before anything is run.
        RuntimeError: if the method calls `sys.exit`. Its other errors get a note with the task.

    Example:
        >>> from tpo_envs import run_suite
        >>> def uniform(task, seed):
        ...     return lambda inputs: task.random_answers(seed, len(inputs))
        >>> results = run_suite(uniform, ["token-reversal-bag-h4-v2"], seeds=3, n=200)
        >>> abs(results["tasks"]["token-reversal-bag-h4-v2"]["normalized"]["mean"]) < 0.2
        True
    """
    if not callable(method):
        raise TypeError(f"method must be a function of task and seed; got {type(method).__name__}")
    if tasks is None:
        tasks = [i for i in list_tasks() if describe(i).family != "images"]
    ids = [tasks] if isinstance(tasks, str) else list(dict.fromkeys(tasks))
    for task_id in ids:
        describe(task_id)
    check_count("seeds", seeds, 1)
    check_count("n", n, 1)
    check_count("candidates", candidates, 1)
    results: dict[str, Any] = {
        "format": FORMAT,
        "tpo-envs": version("tpo-envs"),
        "numpy": np.__version__,
        "questions": n,
        "level": LEVEL,
        "tasks": {},
        "tags": {},
    }
    path = None if out is None else destination(out)
    streams = path is not None and is_stream(path)
    try:
        for task_id in ids:
            scores = [_score(method, task_id, seed, n, candidates) for seed in range(seeds)]
            results["tasks"][task_id] = _entry(task_id, scores, candidates)
            results["tags"] = _by_tag(results["tasks"])
            if path is not None and not streams:
                write_text(path, json.dumps(results, indent=1))
    finally:
        if path is not None and streams:
            write_text(path, json.dumps(results, indent=1) + "\n")
    return results


def _score(method: Method, task_id: str, seed: int, n: int, candidates: int) -> Score:
    # Make a task for every seed, because a method may modify it.
    with user_code(f"the method on task {task_id!r}, seed {seed}", "method(task, seed) returns a policy"):
        policy = method(make_numpy(task_id), seed)
    if policy is None:
        raise TypeError(
            f"{task_id}: method(task, seed) must return a policy, a function from inputs to answers; got None"
        )
    return score(task_id, policy, n=n, seed=seed, candidates=candidates)


def _entry(task_id: str, scores: list[Score], candidates: int) -> dict[str, Any]:
    row, task = describe(task_id), make_numpy(task_id)
    entry: dict[str, Any] = {
        "family": row.family,
        "difficulty": row.difficulty,
        "tags": list(row.tags),
        "random_score": task.random_score,
        "optimal_score": task.optimal_score,
        "seeds": list(range(len(scores))),
    }
    paid, right = (np.stack([getattr(one, name) for one in scores]) for name in ("by_question", "right"))
    for measure, whole in summarize(task, paid, right).items():
        by_seed = [getattr(one, measure).mean for one in scores]
        entry[measure] = {**dataclasses.asdict(whole), "by_seed": by_seed}
    if scores[0].distinct_by_question is not None:
        found = np.stack([one.distinct_by_question for one in scores])
        whole, by_seed = count_interval(found, candidates), found.mean(axis=1).tolist()
        entry["distinct_right"] = {**dataclasses.asdict(whole), "by_seed": by_seed, "candidates": candidates}
    return entry


def _by_tag(entries: dict[str, Any]) -> dict[str, float]:
    tags = dict.fromkeys(tag for entry in entries.values() for tag in entry["tags"])
    return {
        tag: float(
            np.mean([entry["normalized"]["mean"] for entry in entries.values() if tag in entry["tags"]])
        )
        for tag in tags
    }
