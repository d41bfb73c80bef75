"""Answers of language models before and after training, as the store keeps them."""

from collections.abc import Sequence
from typing import Any

from .._learn import AnswerSample, TrainState, row_of
from .blocks import Compiled


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
