"""Texts in figures."""

from collections.abc import Sequence

import numpy as np

from .._results import CellResult, diverged_steps
from .._text import counted, spaced

_METRIC_WORDS = {"error_after": "error after the step", "misalignment": "misalignment (1 − cos)"}


def drawable(text: str) -> str:
    r"""Escape a text so that matplotlib does not read formulas between dollar signs.

    >>> drawable("pays $5 to $10")
    'pays \\$5 to \\$10'
    """
    return text.replace("$", r"\$")


def seeds_label(results: Sequence[CellResult]) -> str:
    """The number of seeds, and how many diverged: "20 seeds", "4 to 20 seeds, 3 diverged"."""
    counts = [len(result.seeds) for result in results]
    low, high = min(counts), max(counts)
    words = counted(low, "seed") if low == high else f"{low} to {high} seeds"
    diverged = sum(int(np.isfinite(diverged_steps(result)).sum()) for result in results)
    return f"{words}, {diverged} diverged" if diverged else words


def _is_tokens(results: Sequence[CellResult]) -> bool:
    return all("vocab_size" in result.spec.get("task", {}) for result in results)


def step_word(results: Sequence[CellResult]) -> str:
    """What a step is called: an episode in token tasks."""
    return "episode" if _is_tokens(results) else "step"


def metric_label(results: Sequence[CellResult], metric: str) -> str:
    """The label of the axis of a metric."""
    if metric != "error":
        return _METRIC_WORDS.get(metric, spaced(metric))
    return "error (1 − mean reward)" if _is_tokens(results) else "error"


def smooth_words(smooth: int) -> str:
    """The part of an axis label about a running mean."""
    return f"\nrunning mean over {smooth}" if smooth > 1 else ""
