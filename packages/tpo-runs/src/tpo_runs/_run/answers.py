"""Answers of trained policies: stored before and after training, and sampled for people to read."""

from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._config import BanditRolloutSpec, LanguageModelSpec, SequenceGroupSpec, TextSpec
from .._errors import ConfigError
from .._learn import AnswerSample, TextTask, TrainState, row_of
from .._text import printable
from .blocks import Compiled
from .build import build_task
from .policies import TrainedPolicy


def answers_of(compiled: Compiled, state: TrainState, seeds: Sequence[int]) -> list[list[AnswerSample]]:
    """The answers of each seed's policy to some held-out problems; none without such problems."""
    if compiled.answers is None:
        return [[] for _ in seeds]
    return [compiled.answers(row_of(state.policy, row)) for row in range(len(seeds))]


def sample_records(
    seeds: Sequence[int], before: Sequence[list[AnswerSample]], after: Sequence[list[AnswerSample]]
) -> list[dict[str, Any]]:
    """One record for each seed and problem, as in `CellResult.samples`."""
    return [
        {
            "seed": seed,
            "prompt": earlier.prompt,
            "before": earlier.answer,
            "score_before": earlier.score,
            "after": later.answer,
            "score_after": later.score,
        }
        for seed, *pairs in zip(seeds, before, after, strict=True)
        for earlier, later in zip(*pairs, strict=True)
    ]


def sampled_lines(trained: TrainedPolicy, *, prompts: int, candidates: int) -> Iterator[str]:
    """Some prompts and sampled answers to them, with their scores; held-out problems where there are some."""
    cell = trained.cell
    if isinstance(cell.rollout, BanditRolloutSpec):
        raise ConfigError([f"task {cell.task.kind!r} has actions, not answers; load it with load_policy"])
    if isinstance(cell.task, TextSpec):
        assert isinstance(cell.policy, LanguageModelSpec), "nothing else answers in text"
        task = cell.task.build_test(cell.policy.tokenizer())
    else:
        task = build_task(cell)
    # Not validated, since a group to learn from has two answers or more.
    rollout = SequenceGroupSpec.model_construct(prompts=prompts, candidates=candidates).build(task)
    batch, _ = eqx.filter_jit(rollout.draw)(trained.policy, None, jax.random.key(trained.seed))
    questions, answers = np.asarray(batch.inputs[0]), np.asarray(batch.inputs[-1])
    yield f"{cell.label}, seed {trained.seed}, after {cell.schedule.steps:,} steps"
    for question, group, scores in zip(questions, answers, np.asarray(batch.scores), strict=True):
        yield ""
        yield from (f"> {printable(line)}" for line in _prompt(task, question).splitlines())
        for answer, score in zip(group, scores, strict=True):
            first, *more = _answer(task, answer).splitlines() or [""]
            yield f"[{score:.3g}] {printable(first)}"
            yield from (f"    {printable(line)}" for line in more)
    yield ""
    yield f"mean score: {float(np.mean(np.asarray(batch.scores))):.3g}"


def _prompt(task: Any, prompt: np.ndarray) -> str:
    if isinstance(task, TextTask):
        return task.host.problem(prompt).prompt
    return " ".join(map(str, prompt.ravel().tolist()))


def _answer(task: Any, answer: np.ndarray) -> str:
    if isinstance(task, TextTask):
        return task.host.text(answer)
    exists = np.asarray(task.mask(answer)) if hasattr(task, "mask") else np.ones(answer.shape, bool)
    return " ".join(map(str, answer[exists].tolist()))
