"""Answers of language models before and after training, as a table."""

from collections.abc import Sequence

from .._text import cell_label, printable
from .cell import CellResult
from .text_table import TextTable

MOST_CHARACTERS = 60


def samples_table(results: Sequence[CellResult]) -> TextTable:
    """The answers of each cell's first seed; without rows if no answers were stored."""
    rows = tuple(
        (
            cell_label(result.method, result.point),
            _end_of(sample["prompt"]),
            _answer(sample["before"], sample["score_before"]),
            _answer(sample["after"], sample["score_after"]),
        )
        for result in results
        for sample in result.samples
        if sample["seed"] == result.samples[0]["seed"]
    )
    notes = ("The most probable answers of the first seed, with their scores.",)
    columns = ("method", "end of the prompt", "before training", "after")
    return TextTable("Answers to held-out problems", columns, rows, len(columns), notes)


def _end_of(prompt: str) -> str:
    r"""The last line of a prompt, with the one before if it is only a word, shortened from the left.

    >>> _end_of("1 + 1 = 2\n3 + 4 ="), _end_of("Who likes tea?\nAnswer:")
    ('3 + 4 =', 'Who likes tea? Answer:')
    """
    lines = [line.strip() for line in prompt.splitlines() if line.strip()] or [""]
    words = lines[-1].split()
    text = printable(" ".join(lines[-2:]) if len(words) == 1 else lines[-1])
    return text if len(text) <= MOST_CHARACTERS else f"...{text[3 - MOST_CHARACTERS :]}"


def _answer(answer: str, score: float) -> str:
    text = printable(answer.strip()) or "(empty)"
    text = text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."
    return f"{text} ({score:g})"
