"""Argsort: put the positions of values in an order that sorts them, where ties leave a choice."""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from ._arrays import AnyArray, namespace
from ._draws import Draws
from ._names import check_name
from ._numpy_checks import check_count
from ._parts import AbstractPartsTask
from ._token_checks import check_sizes
from ._unique_answers import ANSWER_REWARDS


@dataclasses.dataclass(frozen=True)
class ArgsortTask(AbstractPartsTask):
    """Write the positions of the prompt's values in an order that sorts them, then end. Ties leave a choice.

    A prompt has `length` values, uniform in `0 .. values - 1`. An answer has each position `0 .. length - 1`
    once, such that the values at these positions ascend, and the end token `max(length, values)`. If `c_v`
    values equal `v`, the product of all `c_v!` answers is right. An answer with fewer or more positions
    scores 0. So does an answer that never ends.

    **Arguments:**

    - `reward`: `"terminal"` pays 1 for a right answer. `"graded"` pays the square of the share of right
        positions: the `t`-th is right if no earlier one equals it and its value is the `t`-th smallest.
    - `length`: values in a prompt, at least 1.
    - `values`: how many different values there are, at least 1.

    **Raises:** `ValueError` if the reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = ArgsortTask("graded", length=3, values=2)
    >>> prompt = np.array([1, 0, 1])
    >>> task.answer(prompt).tolist()
    [1, 0, 2, 3]
    >>> task.score(prompt, np.array([[1, 2, 0, 3], [1, 0, 0, 3], [1, 0, 3, 3]])).round(3).tolist()
    [1.0, 0.444, 0.0]

    Source: ours.
    """

    reward: str
    length: int
    values: int

    def __post_init__(self) -> None:
        check_name("reward", self.reward, ANSWER_REWARDS)
        check_count("length", self.length, 1)
        check_count("values", self.values, 1)
        check_sizes(self.horizon, self.vocab_size)

    @property
    def prompt_length(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The values."""
        return self.length

    @property
    def horizon(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The positions and the end token."""
        return self.length + 1

    @property
    def vocab_size(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Positions or values, whichever are more, and the end token."""
        return max(self.length, self.values) + 1

    def draw(self, draws: Draws, batch: int) -> Int[AnyArray, "b p"]:
        """Draw `batch` prompts of uniform values."""
        return draws.integers(0, self.values, (batch, self.length))

    def answer(self, prompts: Integer[AnyArray, "*b p"]) -> Int[AnyArray, "*b h"]:
        """The right answer in which equal values keep their order."""
        xp = namespace(prompts)
        order = xp.argsort(prompts, axis=-1, stable=True).astype(prompts.dtype)
        return xp.concatenate([order, xp.full_like(prompts[..., :1], self.vocab_size - 1)], axis=-1)

    def _read(self, prompts: AnyArray, answers: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Whether answers have `length` tokens before the end, and which are right `[..., length]`."""
        xp, end = namespace(prompts, answers), self.vocab_size - 1
        written = answers[..., :-1]
        complete = xp.all(written != end, axis=-1) & (answers[..., -1] == end)
        in_range = (written >= 0) & (written < self.length)
        shape = xp.broadcast_shapes(prompts.shape, written.shape)
        places = xp.broadcast_to(xp.where(in_range, written, 0), shape)
        found = xp.take_along_axis(xp.broadcast_to(prompts, shape), places, axis=-1)
        same = written[..., :, None] == written[..., None, :]
        repeated = xp.any(same & np.tri(self.length, k=-1, dtype=bool), axis=-1)
        return complete, in_range & ~repeated & (found == xp.sort(prompts, axis=-1))

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, in closed form."""
        n, m = self.length, self.values
        if self.reward == "terminal":
            # The mean number of right answers. Each of the n! / (c_1! ... c_m!) prompts with counts c_v has
            # c_1! ... c_m! right answers, so every choice of counts has the same weight.
            answers = math.factorial(n) * math.comb(n + m - 1, n) / m**n
            return answers / self.vocab_size**self.horizon
        complete = (1 - 1 / self.vocab_size) ** n / self.vocab_size
        return complete * self._mean_square_hits() / n**2

    def _mean_square_hits(self) -> float:
        """The mean square of the number of right positions among `n` uniform tokens that do not end."""
        n, m, tokens = self.length, self.values, self.vocab_size - 1
        mean = 0.0
        for counts in _compositions(n, m):
            chance = math.factorial(n) / math.prod(map(math.factorial, counts)) / m**n
            sizes = np.repeat(counts, counts).astype(float)  # of the tie at each rank
            tie = np.repeat(np.arange(m), counts)
            t = np.arange(n)
            # One rank: a position of its tie that no earlier token contains.
            once = sizes / tokens * (1 - 1 / tokens) ** t
            # Two ranks s < t: two different positions that no earlier tokens contain.
            pairs = sizes[:, None] * (sizes[None] - (tie[:, None] == tie[None]))
            gap = np.maximum(t[None] - t[:, None] - 1, 0)
            avoid = (1 - 2 / tokens) ** t[:, None] * (1 - 1 / tokens) ** gap
            twice = np.triu(pairs * avoid / tokens**2, 1)
            mean += chance * float(once.sum() + 2 * twice.sum())
        return mean


def _compositions(total: int, parts: int) -> Any:
    """All ways to write `total` as a sum of `parts` counts, each at least 0."""
    for bars in itertools.combinations(range(total + parts - 1), parts - 1):
        edges = (-1, *bars, total + parts - 1)
        yield [right - left - 1 for left, right in itertools.pairwise(edges)]
