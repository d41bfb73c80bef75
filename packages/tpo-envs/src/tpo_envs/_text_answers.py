"""Questions and answers in words for tasks whose answers have lengths."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from ._answer_base import AbstractAnswerTask
from ._argsort import ArgsortTask
from ._coloring import ColoringTask
from ._countdown import CountdownTask
from ._counting import CountingTask
from ._variable_length import VariableLengthTask

SIGNS = ("+", "-", "*")
_PART = r"(?:[0-9]{1,9}+(?![0-9])|[-+*])"
_EXPRESSION = re.compile(rf"\s*+({_PART}(?:\s*+{_PART})*+)\s*+\.?+\s*+")


def _numbers(values: Sequence[int]) -> str:
    return " ".join(map(str, values))


def _variable(task: VariableLengthTask, prompt: list[int]) -> str:
    said = "Repeat the numbers." if task.target == "copy" else "Write the numbers in reverse order."
    numbers = _numbers([token for token in prompt if token != task.end])
    return f"{said}\nNumbers: {numbers}\nWrite them with spaces between, after 'Answer:'."


def _counting(task: CountingTask, prompt: list[int]) -> str:
    digits = task.prompt_length
    form = "" if digits == 1 else f", each number with {digits} digits in base {task.base}"
    return f"Count from {_numbers([0] * (digits - 1) + [1])} to {_numbers(prompt)}{form}.\n" + (
        "Write the digits with spaces between, after 'Answer:'."
    )


def _countdown(task: CountdownTask, prompt: list[int]) -> str:
    target = 0
    for digit in prompt[task.numbers :]:
        target = target * task.base + digit
    return (
        f"Make {target} from the numbers with +, - and *. Use each number at most once and no brackets; "
        "the expression is evaluated from left to right, without precedence.\n"
        f"Numbers: {_numbers(prompt[: task.numbers])}\nWrite the expression alone after 'Answer:'."
    )


def _coloring(task: ColoringTask, prompt: list[int]) -> str:
    edges = " ".join(f"{a}-{b}" for a, b in zip(prompt[::2], prompt[1::2], strict=True))
    return (
        f"Give each of the nodes 0 to {task.nodes - 1} a color from 0 to {task.colors - 1}, so that two "
        f"nodes joined by an edge differ.\nEdges: {edges}\n"
        "Write the colors in the order of the nodes, with spaces between, after 'Answer:'."
    )


def _argsort(task: ArgsortTask, prompt: list[int]) -> str:
    return (
        "In which order do the positions of the numbers sort them? Count positions from 0; equal numbers may "
        f"come in any order.\nNumbers: {_numbers(prompt)}\n"
        f"Write the {task.length} positions with spaces between, after 'Answer:'."
    )


_QUESTIONS: dict[type, Callable[[Any, list[int]], str]] = {
    VariableLengthTask: _variable,
    CountingTask: _counting,
    CountdownTask: _countdown,
    ColoringTask: _coloring,
    ArgsortTask: _argsort,
}


def question_words(task: AbstractAnswerTask, prompt: Sequence[int]) -> str:
    """A question in words."""
    return _QUESTIONS[type(task)](task, list(prompt))


def answer_words(task: AbstractAnswerTask, answer: Sequence[int]) -> str:
    """An answer in words: its tokens before the end."""
    tokens = list(answer)
    if task.end in tokens:
        tokens = tokens[: tokens.index(task.end)]
    if isinstance(task, CountdownTask):
        return " ".join(SIGNS[token - task.base] if token >= task.base else str(token) for token in tokens)
    return _numbers(tokens)


def read_expression(task: CountdownTask, said: str) -> list[int] | None:
    """The tokens of a text of numbers and operators, or None if it is something else."""
    match = _EXPRESSION.fullmatch(said)
    if match is None:
        return None
    parts = re.findall(r"[0-9]+|[-+*]", match[1])
    tokens = [task.base + SIGNS.index(part) if part in SIGNS else int(part) for part in parts]
    numbers = [token for token, part in zip(tokens, parts, strict=True) if part not in SIGNS]
    return tokens if max(numbers, default=0) < task.base else None
