"""Text answers of a language model to problems."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int

from .problems import TextTask


class AnswerSample(NamedTuple):
    """A prompt, an answer to it, and its score in [0, 1]."""

    prompt: str
    answer: str
    score: float


def answer_samples(task: TextTask, policy: Any) -> list[AnswerSample]:
    """The greedy answer of a policy to each problem of a task."""
    answers = np.asarray(_greedy(policy, task.table, task.horizon, task.end))[:, 0]
    table = np.asarray(task.table)
    scores = task.host(table, answers)
    return [
        AnswerSample(task.host.problem(prompt).prompt, task.host.text(answer), float(score))
        for prompt, answer, score in zip(table, answers, scores, strict=True)
    ]


@eqx.filter_jit
def _greedy(policy: Any, prompts: Int[Array, "n p"], horizon: int, end: int) -> Int[Array, "n 1 h"]:
    answers, _ = policy.sample(jax.random.key(0), prompts, 1, horizon=horizon, end=end, temperature=0)
    return answers
