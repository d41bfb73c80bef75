"""Sums and products in plain text after a few solved examples, for language models of any size."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from ._numpy_checks import check_count, question_stream
from ._problems import AbstractProblems, Problem, is_held_out

_WORDS = {"+": "add", "-": "sub", "*": "mul"}
# A space of problems up to this size is shuffled; from a larger one, problems are drawn.
_SHUFFLED = 2**16
_LARGEST_SPACE = 2**62
_SHOT_DRAWS = 1000


@dataclasses.dataclass(frozen=True)
class FewShotArithmetic(AbstractProblems):
    r"""Arithmetic after a few solved lines: `7 - 1 - 5 =`, to be continued by ` 1` and the end of the line.

    Operands are uniform in `1 .. largest` and operations are uniform; `*` takes precedence over `+` and `-`.
    One in five problems is held out. Problems that differ only in the order of their terms and factors are in
    the same split, and solved lines are training problems that differ from the one asked.

    A completion scores 1 if its first line is the right integer in its usual form, with or without spaces
    around it, and 0 otherwise: `+3`, `03`, `3.0`, `-0` and digits that are not ASCII score 0.

    Args:
        terms: operands in a problem, at least 2.
        largest: the largest operand, at least 2.
        operations: some of `"+-*"`, in this order.
        shots: solved lines before the problem, at least 0.

    Raises:
        ValueError: if an argument is out of range. Drawing raises a ValueError if there are too few problems
            for this many solved lines.

    Example:
        >>> from tpo_envs import FewShotArithmetic
        >>> task = FewShotArithmetic(terms=3, largest=9, shots=2)
        >>> problem = task.problems("held_out", 1, seed=0)[0]
        >>> print(problem.prompt)
        3 - 1 - 5 = -3
        9 - 1 + 9 = 17
        5 + 3 - 1 =
        >>> task.score(problem, " 7\n"), task.score(problem, " 7, I think\n")
        (1.0, 0.0)
    """

    terms: int = 3
    largest: int = 9
    operations: str = "+-"
    shots: int = 4

    def __post_init__(self) -> None:
        check_count("terms", self.terms, 2)
        check_count("largest", self.largest, 2)
        check_count("shots", self.shots, 0)
        known = "".join(sign for sign in _WORDS if sign in self.operations)
        if not known or known != self.operations:
            raise ValueError(
                f"operations is {self.operations!r}, but it must be one or more of '+-*', in this order"
            )
        if self.size >= _LARGEST_SPACE:
            raise ValueError(
                f"terms is {self.terms} and largest is {self.largest}, which makes 2^62 problems or more; "
                "lower one of them"
            )

    @property
    def id(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The name of these settings."""
        words = "-".join(_WORDS[sign] for sign in self.operations)
        return f"arithmetic-{words}-t{self.terms}-n{self.largest}-s{self.shots}-v1"

    @property
    def stop(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A line feed: an answer ends with its line."""
        return "\n"

    @property
    def max_tokens(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A space, a sign, the digits of the largest value and a line feed, one token each."""
        return len(str(self.largest**self.terms)) + 3

    @property
    def size(self) -> int:
        """How many problems there are in both splits together."""
        return self.largest**self.terms * len(self.operations) ** (self.terms - 1)

    def draw(self, split: str, seed: int) -> Iterator[Problem]:
        """Problems of a split, without repetition."""
        shots = np.random.default_rng([seed, 3])
        for index in self._indices(question_stream(seed)):
            text, groups = self._problem(index)
            if is_held_out(_key(groups)) == (split == "held_out"):
                prompt = "".join([*self._solved(shots, _key(groups)), f"{text} ="])
                yield Problem(prompt, str(_value(groups)))

    def score(self, problem: Problem, completion: str) -> float:
        """1 if the first line contains only the right integer and spaces, else 0."""
        return float(self.completed(completion).strip(" ") == problem.answer)

    def _indices(self, rng: np.random.Generator) -> Iterator[int]:
        """The indices of problems in random order; for a large space, at most half of them."""
        if self.size <= _SHUFFLED:
            yield from rng.permutation(self.size).tolist()
            return
        seen: set[int] = set()
        while len(seen) < self.size // 2:
            for index in rng.integers(0, self.size, 256).tolist():
                if index not in seen:
                    seen.add(index)
                    yield index

    def _problem(self, index: int) -> tuple[str, list[tuple[str, list[int]]]]:
        """The text of a problem and its terms, each with a sign and factors."""
        index, operand = divmod(index, self.largest)
        words, groups = [str(operand + 1)], [("+", [operand + 1])]
        for _ in range(self.terms - 1):
            index, operation = divmod(index, len(self.operations))
            index, operand = divmod(index, self.largest)
            sign = self.operations[operation]
            words += [sign, str(operand + 1)]
            if sign == "*":
                groups[-1][1].append(operand + 1)
            else:
                groups.append((sign, [operand + 1]))
        return " ".join(words), groups

    def _solved(self, rng: np.random.Generator, asked: str) -> list[str]:
        """Solved lines, all different training problems."""
        lines: dict[str, None] = {}
        for index in rng.integers(0, self.size, _SHOT_DRAWS).tolist() if self.shots else ():
            text, groups = self._problem(index)
            if _key(groups) != asked and not is_held_out(_key(groups)):
                lines[f"{text} = {_value(groups)}\n"] = None
            if len(lines) == self.shots:
                return list(lines)
        if self.shots:
            raise ValueError(
                f"{self.id} has too few problems for {self.shots} solved lines; raise terms or largest"
            )
        return []


def _value(groups: list[tuple[str, list[int]]]) -> int:
    return sum((1 if sign == "+" else -1) * int(np.prod(factors, dtype=object)) for sign, factors in groups)


def _key(groups: list[tuple[str, list[int]]]) -> str:
    """A key of a problem that ignores the order of its terms and factors."""
    return " ".join(sorted(sign + "*".join(map(str, sorted(factors))) for sign, factors in groups))
