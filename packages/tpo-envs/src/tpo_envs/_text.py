"""The tasks in words, for language models: questions, answers, and parsing of completions."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Integer

from ._countdown import CountdownTask
from ._length_ladder import LengthLadder
from ._multi_turn import MultiTurnTask
from ._names import check_name
from ._numpy_answers import NumpyAnswerTask
from ._numpy_bandit import NumpyBandit
from ._numpy_checks import check_count
from ._suite import list_tasks, make_numpy, suite
from ._text_answers import answer_words, question_words, read_expression

# Instructions for numbers x_1 ... x_h below V.
_INSTRUCTIONS = {
    "copy": "Repeat the numbers.",
    "flip": "Replace each number x by {last} - x.",
    "reverse_copy": "Write the numbers in reverse order.",
    "reverse_flip": "Replace each number x by {last} - x and write the results in reverse order.",
    "sort": "Sort the numbers in ascending order.",
    "modular_addition": "Add to each number the one after it, and to the last one the first, modulo {count}.",
    "parity": "Replace each number by the sum of all numbers up to it, itself included, modulo {count}.",
    "skip_distractors": "Write the numbers below {signals} in order, then {last} until there are {length}.",
}
_BRACKETS = (
    "The numbers below {types} open a bracket of that type, and x + {types} closes a bracket of type x. "
    "Go on with the numbers so that all brackets are closed in the right order."
)
_TURNS = (
    "The numbers are {turns} messages of {each}. Reply to each message in turn: add to it your reply to the "
    "message before, number by number and modulo {count}; there is none before the first. Then: "
)
_FREE = " Then write any numbers until there are {length}."
_ARM = (
    "There are {count} arms, and one of them is right in context {context}. Choose it.\n"
    "Write its number, from 0 to {last}, after 'Answer:'."
)
_FORM = (
    "{instruction}\nNumbers: {numbers}\n"
    "Write {length} numbers from 0 to {last}, with spaces between, after 'Answer:'."
)
# Possessive quantifiers keep the time for a long run of whitespace linear.
_NUMBERS = re.compile(r"[\s\[(]*+([0-9]{1,9}+(?:[\s,]++[0-9]{1,9}+)*+)[\s\])]*+\.?+\s*+")


def text_tasks() -> list[str]:
    """The ids of the tasks that have a text form: all except those made of images."""
    return [task_id for task_id in list_tasks() if suite()[task_id].family != "images"]


class TextTask:
    """A task of the suite in words.

    Args:
        task_id: an id of `text_tasks()`.

    Raises:
        ValueError: if the id is unknown or the task is made of images.

    Example:
        >>> task = TextTask("token-reversal-terminal-h3-v2")
        >>> print(task.prompt([0, 1, 1]))
        Write the numbers in reverse order.
        Numbers: 0 1 1
        Write 3 numbers from 0 to 1, with spaces between, after 'Answer:'.
        >>> task.parse("Let me see. Answer: 1 1 0"), task.parse("I do not know")
        ([1, 1, 0], None)
    """

    def __init__(self, task_id: str):
        if task_id in suite():
            check_name("the id of a task in words", task_id, text_tasks())
        self.task_id = task_id
        self.task = make_numpy(task_id)
        # The token task, if its answers end.
        self._ended = None
        if isinstance(self.task, NumpyAnswerTask) and self.task.end is not None:
            self._ended = self.task.task

    @property
    def answer_length(self) -> int:
        """The maximum length of an answer; its exact length if no token ends it."""
        if isinstance(self.task, NumpyBandit):
            return 1
        return self.task.horizon - (self._ended is not None)

    def questions(self, n: int, seed: int) -> Integer[np.ndarray, "n length"]:
        """Draw `n` questions: prompts `[n, horizon]`, or indices of contexts `[n, 1]`."""
        check_count("n", n, 1)
        if isinstance(self.task, NumpyBandit):
            return self.task.sample(seed, n).inputs[:, None]
        return self.task.sample(seed, n)

    def answers(self, questions: Integer[np.ndarray, "n length"]) -> Integer[np.ndarray, "n tokens"]:
        """A right answer to every question, padded with end tokens if answers end."""
        if isinstance(self.task, NumpyBandit):
            return self.task.labels[questions]
        return self.task.answer(questions)

    def prompt(self, question: Sequence[int]) -> str:
        """A question in words."""
        count = self.task.num_actions
        if isinstance(self.task, NumpyBandit):
            return _ARM.format(count=count, context=question[0], last=count - 1)
        if self._ended is not None:
            return question_words(self._ended, question)
        instruction = _instruction(self.task)
        numbers = " ".join(map(str, question))
        return _FORM.format(
            instruction=instruction, numbers=numbers, length=self.task.horizon, last=count - 1
        )

    def words(self, answer: Sequence[int]) -> str:
        """An answer in words, without its end token."""
        return " ".join(map(str, answer)) if self._ended is None else answer_words(self._ended, answer)

    def parse(self, text: str) -> list[int] | None:
        """The answer in a completion, or None if it is too long or short or a number is out of range.

        Only the text after the last "Answer:" counts, or the whole text if there is none. Besides the
        numbers, it may only contain whitespace, commas, brackets around the numbers and a period at the end,
        or numbers and operators if an expression is asked for. If answers end, the numbers are followed by
        end tokens.
        """
        said = re.split(r"answer\s*:", text, flags=re.IGNORECASE)[-1]
        tokens = self._read(said)
        if tokens is None or len(tokens) > self.answer_length:
            return None
        if self._ended is not None:
            return [*tokens, *[self.task.num_actions - 1] * (self._ended.horizon - len(tokens))]
        return tokens if len(tokens) == self.answer_length else None

    def _read(self, said: str) -> list[int] | None:
        """The tokens in a text, all in range."""
        if isinstance(self._ended, CountdownTask):
            return read_expression(self._ended, said)
        match = _NUMBERS.fullmatch(said)
        if match is None:
            return None
        numbers = [int(number) for number in re.split(r"[\s,]+", match[1])]
        return numbers if max(numbers) < self.task.num_actions - (self._ended is not None) else None

    def score(self, question: Sequence[int] | Integer[np.ndarray, " length"], text: str) -> float:
        """The score of a completion; 0 if it has no valid answer."""
        numbers = self.parse(text)
        if numbers is None:
            return 0.0
        if isinstance(self.task, NumpyBandit):
            context = self.task.contexts(np.array(question))
            return float(self.task.score(context, np.array(numbers))[0])
        return float(self.task.score(np.array(question), np.array(numbers)))


def _instruction(task: NumpyAnswerTask) -> str:
    rules: Any = task.task
    count = task.vocab_size
    target = getattr(rules, "target", None)
    if target is None:
        return _BRACKETS.format(types=count // 2)
    length = rules.message_length if isinstance(rules, MultiTurnTask) else rules.prompt_length
    words = _INSTRUCTIONS[target].format(last=count - 1, count=count, signals=(count + 1) // 2, length=length)
    if isinstance(rules, LengthLadder):
        return words + _FREE.format(length=rules.horizon)
    if not isinstance(rules, MultiTurnTask):
        return words
    return _TURNS.format(turns=rules.turns, each=rules.message_length, count=count) + words


def message_text(completion: Any) -> str:
    """The text of a completion: a string, or a list of chat messages, of which the last one counts."""
    if isinstance(completion, list | tuple):
        completion = completion[-1] if completion else ""
    if isinstance(completion, dict):
        completion = completion.get("content")
    if isinstance(completion, list | tuple):  # the parts of a message
        parts = [part.get("text") for part in completion if isinstance(part, dict)]
        return "".join(part for part in parts if isinstance(part, str))
    return completion if isinstance(completion, str) else ""
