"""Graph coloring: many right answers to a prompt."""

import dataclasses
import itertools
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from ._arrays import AnyArray, namespace
from ._draws import Draws
from ._names import check_name
from ._numpy_checks import check_count
from ._parts import AbstractPartsTask
from ._unique_answers import ANSWER_REWARDS

_MOST_COLORINGS = 4096


@dataclasses.dataclass(frozen=True)
class ColoringTask(AbstractPartsTask):
    """Color the nodes of a graph so that the two nodes of every edge differ. Many answers may be right.

    A prompt has `edges` edges, two tokens each: the smaller node, then the larger, in ascending order. An
    answer has one color for each node, in the order of nodes, and the end token `max(nodes, colors)`. An
    answer with fewer or more colors scores 0. So does an answer that never ends.

    Every graph can be colored: a hidden coloring gives color `i mod colors` to the `i`-th node of a random
    order, and the edges are uniform among the pairs of nodes whose hidden colors differ, without repetition.

    **Arguments:**

    - `reward`: `"terminal"` pays 1 if all edges are right; `"graded"` pays the square of the share of edges
        whose nodes have different colors.
    - `nodes`: how many, at least 2.
    - `edges`: how many, from 1 to the number of pairs whose hidden colors differ.
    - `colors`: how many, at least 2; `colors^nodes` is at most 4,096, because all colorings are searched.

    **Raises:** `ValueError` if the reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = ColoringTask("graded", nodes=4, edges=4, colors=2)
    >>> square = np.array([0, 1, 0, 3, 1, 2, 2, 3])
    >>> task.answer(square).tolist()
    [0, 1, 0, 1, 4]
    >>> task.score(square, np.array([[1, 0, 1, 0, 4], [1, 0, 1, 1, 4], [1, 0, 1, 4, 4]])).tolist()
    [1.0, 0.25, 0.0]

    Source: ours.
    """

    reward: str
    nodes: int
    edges: int
    colors: int = 3

    def __post_init__(self) -> None:
        check_name("reward", self.reward, ANSWER_REWARDS)
        check_count("nodes", self.nodes, 2)
        check_count("edges", self.edges, 1)
        check_count("colors", self.colors, 2)
        if self.nodes > 12 or self.colors**self.nodes > _MOST_COLORINGS:
            raise ValueError(
                f"colors is {self.colors} and nodes {self.nodes}, but colors^nodes must be at most "
                f"{_MOST_COLORINGS}: all colorings are searched"
            )
        most = int(self._crosses(np.arange(self.nodes) % self.colors).sum())
        if self.edges > most:
            raise ValueError(f"edges is {self.edges}, but at most {most} pairs of nodes have two colors")

    @property
    def prompt_length(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Two tokens for each edge."""
        return 2 * self.edges

    @property
    def horizon(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A color for each node, and the end token."""
        return self.nodes + 1

    @property
    def vocab_size(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Nodes or colors, whichever are more, and the end token."""
        return max(self.nodes, self.colors) + 1

    @property
    def _pairs(self) -> Any:
        """All pairs of nodes in ascending order `[pairs, 2]`."""
        return np.array(list(itertools.combinations(range(self.nodes), 2)), np.int32)

    def _crosses(self, coloring: AnyArray) -> AnyArray:
        """Which pairs of nodes have different colors in a coloring `[..., nodes]`."""
        pairs = self._pairs
        return coloring[..., pairs[:, 0]] != coloring[..., pairs[:, 1]]

    def draw(self, draws: Draws, batch: int) -> Int[AnyArray, "b p"]:
        """Draw `batch` prompts, each of which has a right answer."""
        order = draws.uniform((batch, self.nodes))
        luck = draws.uniform((batch, len(self._pairs)))
        xp = namespace(order)
        hidden = xp.argsort(order, axis=-1) % self.colors
        # Pairs of equal hidden colors come last.
        shuffled = xp.argsort(xp.where(self._crosses(hidden), luck, 2.0), axis=-1)
        chosen = xp.sort(shuffled[:, : self.edges], axis=-1)
        return xp.asarray(self._pairs)[chosen].reshape(batch, self.prompt_length)

    def answer(self, prompts: Integer[AnyArray, "*b p"]) -> Int[AnyArray, "*b h"]:
        """The first right answer to every prompt in lexicographic order; a wrong one if there is none."""
        xp = namespace(prompts)
        every = xp.asarray(self._every, prompts.dtype)  # [c, nodes]
        right: Any = True
        for edge in range(self.edges):
            left, other = (every.T[prompts[..., 2 * edge + side] % self.nodes] for side in (0, 1))
            right = right & (left != other)
        first = xp.argmax(right, axis=-1)
        end = xp.full((*first.shape, 1), self.vocab_size - 1, prompts.dtype)
        return xp.concatenate([every[first], end], axis=-1)

    @property
    def _every(self) -> Any:
        return np.array(list(itertools.product(range(self.colors), repeat=self.nodes)), np.int32)

    def _read(self, prompts: AnyArray, answers: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Whether answers are colors of all nodes and the end token, and which edges are right `[..., e]`."""
        xp = namespace(prompts, answers)
        coloring, last = answers[..., :-1], answers[..., -1]
        in_range = xp.all((coloring >= 0) & (coloring < self.colors), axis=-1)
        shape = xp.broadcast_shapes(prompts.shape[:-1], answers.shape[:-1])
        nodes = xp.broadcast_to(prompts % self.nodes, (*shape, self.prompt_length))
        coloring = xp.broadcast_to(coloring, (*shape, self.nodes))
        ends = xp.take_along_axis(coloring, nodes, axis=-1)
        return in_range & (last == self.vocab_size - 1), ends[..., ::2] != ends[..., 1::2]

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, in closed form.

        If `x` of the `X` pairs that cross the hidden coloring also cross the random one, the number of right
        edges is hypergeometric: `edges` draws without repetition from `X`, of which `x` are right.
        """
        hidden = self._crosses(np.arange(self.nodes) % self.colors)
        pairs, drawn = int(hidden.sum()), self.edges
        p = (self._crosses(self._every) & hidden).sum(axis=-1) / pairs
        if self.reward == "terminal":
            left = pairs * p[:, None] - np.arange(drawn)
            paid = np.prod(np.maximum(left, 0) / (pairs - np.arange(drawn)), axis=-1)
        else:
            paid = p**2 + p * (1 - p) / drawn * (pairs - drawn) / max(1, pairs - 1)
        return float(paid.sum() / self.vocab_size**self.horizon)
