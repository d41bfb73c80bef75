"""GSM8K: word problems of grade-school mathematics, whose answers are numbers."""

import os
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from ._gsm8k_files import read_gsm8k
from ._image_dataset import DatasetError
from ._numpy_checks import check_count, question_stream
from ._problems import AbstractProblems, Problem

_PROMPT = "{question}\n\nReason step by step. Then write the answer as a number alone after 'Answer:'."
_MARKER = re.compile(r"####|answer\s*+:", flags=re.IGNORECASE)
# Digits with or without commas between thousands, and a fraction.
_NUMBER = re.compile(r"(-?)\$?([0-9]{1,3}(?:,[0-9]{3}){1,8}|[0-9]{1,30})(\.[0-9]{1,30})?\.?")
_LONGEST = 100


class GSM8K(AbstractProblems):
    r"""The word problems of GSM8K, from the Hugging Face Hub or from your own files.

    The held-out problems are the test split; a training problem with the same question as one of these is
    left out. A completion scores 1 if the line after its last "Answer:" or "####" is the right number and
    nothing else, and 0 otherwise. A leading dollar sign, commas between thousands, zeros after the decimal
    point and a final period are allowed. Units, signs other than "-" and digits that are not ASCII are not
    allowed.

    Args:
        path: a directory with `train*` and `test*` files (`.jsonl` or `.parquet`), or a single such file, of
            which one question in five is held out by its hash. None loads `openai/gsm8k` with the `datasets`
            library, which downloads it once.
        max_tokens: the number of tokens that a completion may need.

    Raises:
        DatasetError: if a file or column is missing, a solution has no number after "####", or the Hub
            cannot be reached. The message is one line and says what to do.

    Example:
        >>> import pathlib, tempfile
        >>> from tpo_envs import GSM8K
        >>> lines = [f'{{"question": "What is {n} + 1?", "answer": "#### {n + 1}"}}' for n in range(20)]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "sums.jsonl")
        ...     _ = path.write_text("\n".join(lines))
        ...     task = GSM8K(path)
        >>> problem = task.problems("train", 1, seed=0)[0]
        >>> task.score(problem, f"That is easy.\nAnswer: ${problem.answer}.00.")
        1.0
        >>> task.score(problem, f"Answer: {problem.answer} apples")
        0.0

    Source: K. Cobbe et al., Training Verifiers to Solve Math Word Problems, arXiv 2110.14168, 2021.
    """

    id = "gsm8k"
    stop = ""

    def __init__(self, path: str | os.PathLike[str] | None = None, *, max_tokens: int = 512):
        check_count("max_tokens", max_tokens, 1)
        self.max_tokens = max_tokens
        self._rows = {
            split: [_problem(row, split) for row in rows] for split, rows in read_gsm8k(path).items()
        }

    def draw(self, split: str, seed: int) -> Iterator[Problem]:
        """The problems of a split in random order."""
        rows = self._rows[split]
        return (rows[index] for index in question_stream(seed).permutation(len(rows)).tolist())

    def score(self, problem: Problem, completion: str) -> float:
        """1 if the number in a completion is the right one, else 0."""
        found = read_number(completion)
        return float(found is not None and found == problem.entry)


def _problem(row: dict[str, Any], split: str) -> Problem:
    number = read_number(row["answer"])
    if number is None:
        raise DatasetError(
            f"gsm8k ({split}): the solution {row['answer'][-60:]!r} must end with '#### ' and a number"
        )
    answer = str(number) if number.denominator == 1 else str(float(number))
    return Problem(_PROMPT.format(question=row["question"]), answer, number)


def read_number(text: str) -> Fraction | None:
    """The number after the last "Answer:" or "####", or None if there is no such number alone on its line."""
    said = _MARKER.split(text)
    line = said[-1].lstrip().partition("\n")[0].strip()
    match = _NUMBER.fullmatch(line) if len(said) > 1 and len(line) < _LONGEST else None
    if match is None:
        return None
    sign, whole, fraction = match.groups(default="")
    return Fraction(sign + whole.replace(",", "") + fraction)
