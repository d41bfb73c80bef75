"""Text problems for language models: a problem, and the base class of all sets of problems."""

import abc
import dataclasses
import hashlib
import itertools
from collections.abc import Iterator
from typing import Any

from ._names import check_name
from ._numpy_checks import check_count

PROBLEM_SPLITS = ("train", "held_out")
# One problem in this many is held out.
_HELD_OUT = 5


@dataclasses.dataclass(frozen=True)
class Problem:
    """A text problem.

    Attributes:
        prompt: what a language model reads.
        answer: a right answer, or None if the problem comes without one.
        entry: further data for its scorer.
    """

    prompt: str
    answer: str | None
    entry: Any = dataclasses.field(default=None, repr=False, compare=False)


class AbstractProblems(abc.ABC):
    """Text problems, split into training and held-out problems, with a scorer of completions.

    To write your own, define the attributes and the methods `draw` and `score`.

    Attributes:
        id: a stable name.
        stop: the string that ends a completion, such as a line feed; empty if a completion ends only with the
            text.
        max_tokens: how many tokens a completion may need; a suggestion.
    """

    id: str
    stop: str
    max_tokens: int

    @abc.abstractmethod
    def draw(self, split: str, seed: int) -> Iterator[Problem]:
        """All problems of a split, without repetition, in an order that depends on the seed."""

    @abc.abstractmethod
    def score(self, problem: Problem, completion: str) -> float:
        """The score of a completion, in [0, 1]. No completion raises an error.

        Args:
            problem: one of `problems`.
            completion: what the model wrote after the prompt; text after the first `stop` is ignored.

        Returns:
            1 for a right answer.
        """

    def problems(self, split: str, count: int, seed: int = 0) -> list[Problem]:
        """Draw `count` different problems, the same for the same seed.

        Args:
            split: `"train"` or `"held_out"`. No problem is in both.
            count: how many, at least 1. A larger count with the same seed starts with the same problems.
            seed: from 0.

        Returns:
            The problems, each once.

        Raises:
            ValueError: if the split is unknown, `count` or `seed` is out of range, or there are fewer
                problems.
        """
        check_name("split", split, PROBLEM_SPLITS)
        check_count("count", count, 1)
        check_count("seed", seed, 0)
        drawn = list(itertools.islice(self.draw(split, seed), count))
        if len(drawn) < count:
            raise ValueError(
                f"{self.id} has only {len(drawn)} different problems in the split {split!r}, but count is "
                f"{count}; draw fewer, or draw several times"
            )
        return drawn

    def completed(self, completion: str) -> str:
        """The part of a completion before the first `stop`."""
        return completion.partition(self.stop)[0] if self.stop else completion


def is_held_out(text: str) -> bool:
    """Whether a problem is held out: one in five, by the hash of its text, in every process and version."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % _HELD_OUT == 0
