"""Bracket matching: complete the prefix of a balanced string, in any way that balances it."""

import dataclasses
from math import comb
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Integer

from ._arrays import AnyArray, namespace
from ._names import check_name
from ._token_base import AbstractTokenTask
from ._token_checks import check_sizes

if TYPE_CHECKING:
    from jaxtyping import PRNGKeyArray

BRACKET_REWARDS = ("sequential", "terminal")


class _Open(NamedTuple):
    """The number of open brackets before every position `[..., l]`, and the type of the innermost."""

    depth: AnyArray
    innermost: AnyArray


@dataclasses.dataclass(frozen=True)
class BracketTask(AbstractTokenTask):
    """Complete a string of brackets so that the whole string is balanced. Many answers may be right.

    Of `V` tokens, `0 .. V/2 - 1` open a bracket of that type and `V/2 .. V - 1` close it. A prompt is a
    random walk: if no bracket is open, one opens; else one opens or closes with equal probability. Types are
    uniform. A token of the answer is right if the string can still be balanced after it: it closes the
    innermost bracket, or opens a bracket that can still be closed. After a mistake, no token is right.

    **Arguments:**

    - `reward`: `"sequential"` pays for each right token; `"terminal"` pays for all tokens if the whole string
        is balanced.
    - `horizon`: tokens in a prompt and in an answer, at least 1.
    - `vocab_size`: an even number of tokens, at least 2: two for each type of bracket.

    **Raises:** `ValueError` if the reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = BracketTask(reward="terminal", horizon=4, vocab_size=4)  # 0 and 1 open, 2 closes 0, 3 closes 1
    >>> prompt = np.array([0, 2, 0, 1])
    >>> task.answer(prompt).tolist()
    [3, 2, 0, 2]
    >>> task.score(prompt, np.array([[3, 1, 3, 2], [2, 3, 0, 2]])).tolist()
    [1.0, 0.0]

    Source: ours.
    """

    reward: str
    horizon: int
    vocab_size: int

    def __post_init__(self) -> None:
        check_name("reward", self.reward, BRACKET_REWARDS)
        check_sizes(self.horizon, self.vocab_size)
        if self.vocab_size % 2:
            raise ValueError(f"vocab_size is {self.vocab_size}, but brackets come in pairs: it must be even")

    @property
    def types(self) -> int:
        """The number of types of brackets."""
        return self.vocab_size // 2

    def prompts(self, key: "PRNGKeyArray", batch: int) -> Int[AnyArray, "{batch} {self.horizon}"]:
        """Draw `batch` prompts with a JAX key."""
        import jax

        draws = jax.random.randint(key, (batch, self.horizon), 0, self.vocab_size)
        return self._walk(draws)

    def numpy_prompts(self, rng: np.random.Generator, batch: int) -> Int[np.ndarray, "b h"]:
        """Draw `batch` prompts with a NumPy generator, as `int32`."""
        return self._walk(super().numpy_prompts(rng, batch))

    def _walk(self, draws: Int[AnyArray, "b h"]) -> Int[AnyArray, "b h"]:
        """Turn uniform tokens into brackets: the lower half steps up, and each token carries a type."""
        xp = namespace(draws)
        steps = xp.where(draws < self.types, 1, -1)
        # The absolute value of a random walk is the walk reflected at zero.
        depths = xp.abs(xp.cumsum(steps, axis=-1))
        before = xp.concatenate([xp.zeros_like(depths[..., :1]), depths[..., :-1]], axis=-1)
        opened = xp.where(depths > before, draws % self.types, self.types)
        closes = self.types + self._open(opened).innermost
        return xp.where(depths > before, opened, closes).astype(draws.dtype)

    def answer(self, prompts: Integer[AnyArray, "*b h"]) -> Int[AnyArray, "*b h"]:
        """One correct answer to every prompt: close all brackets, then open and close the first type."""
        xp = namespace(prompts)
        depths = xp.cumsum(xp.where(prompts < self.types, 1, -1), axis=-1)
        position = xp.arange(self.horizon)
        level = depths[..., -1:] - position  # the depth of the bracket that closes at each position
        opens_it = (prompts < self.types)[..., None, :] & (depths[..., None, :] == level[..., None])
        last = self.horizon - 1 - xp.argmax(opens_it[..., ::-1], axis=-1)
        closers = self.types + xp.take_along_axis(prompts, last, axis=-1)
        pairs = xp.where(level % 2 == 0, 0, self.types)
        return xp.where(level > 0, closers, pairs).astype(prompts.dtype)

    def correct(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b h"]:
        """Which tokens of the answers are right; leading axes broadcast."""
        xp = namespace(prompts, answers)
        fits = self._fits(self._open_in_answer(prompts, answers), answers[..., None])[..., 0]
        return xp.cumprod(fits.astype(np.int32), axis=-1).astype(bool)

    def right_candidates(
        self,
        prompts: Integer[AnyArray, "*b h"],
        behaviour: Integer[AnyArray, "*b h"],
        candidates: Integer[AnyArray, "*b h k"],
    ) -> Bool[AnyArray, "*b h k"]:
        """Which candidate tokens would be right after the prefix of `behaviour`."""
        return self._fits(self._open_in_answer(prompts, behaviour), candidates)

    def _open_in_answer(self, prompts: AnyArray, answers: AnyArray) -> _Open:
        xp = namespace(prompts, answers)
        shape = xp.broadcast_shapes(prompts.shape, answers.shape)
        parts = [xp.broadcast_to(part, shape) for part in (prompts, answers)]
        before = self._open(xp.concatenate(parts, axis=-1))
        return _Open(*(part[..., self.horizon :] for part in before))

    def _open(self, tokens: Int[AnyArray, "*b l"]) -> _Open:
        xp = namespace(tokens)
        opens = tokens < self.types
        after = xp.cumsum(xp.where(opens, 1, -1), axis=-1)
        before = xp.concatenate([xp.zeros_like(after[..., :1]), after[..., :-1]], axis=-1)
        # The innermost open bracket is the latest one that led to the current depth.
        position = xp.arange(tokens.shape[-1])
        led_here = opens[..., None, :] & (after[..., None, :] == before[..., None])
        led_here = led_here & (position[None, :] < position[:, None])
        last = tokens.shape[-1] - 1 - xp.argmax(led_here[..., ::-1], axis=-1)
        return _Open(before, xp.take_along_axis(tokens, last, axis=-1) % self.types)

    def _fits(self, before: _Open, tokens: AnyArray) -> AnyArray:
        """Which of the tokens `[..., h, k]` leave a string that can still be balanced."""
        xp = namespace(tokens)
        room = (self.horizon - 1 - xp.arange(self.horizon))[:, None]  # tokens left after this one
        depth, innermost = before.depth[..., None], before.innermost[..., None]
        opens = (tokens < self.types) & (depth + 1 <= room)
        closes = (tokens == innermost + self.types) & (depth > 0)
        return opens | closes

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, from counts of strings."""
        h = self.horizon
        ends = {
            depth: comb(h, (h + depth) // 2) * (1 if depth == 0 else 2) for depth in range(h % 2, h + 1, 2)
        }
        paid = sum(ways * self._random_score_from(depth) for depth, ways in ends.items())
        return paid / 2**h

    def _random_score_from(self, depth: int) -> float:
        """The expected score after a prompt that leaves `depth` brackets open."""
        counts, shares = {depth: 1}, []
        for t in range(1, self.horizon + 1):
            following: dict[int, int] = {}
            for d, ways in counts.items():
                for now, choices in ((d + 1, self.types), (d - 1, 1)):
                    if 0 <= now <= self.horizon - t:
                        following[now] = following.get(now, 0) + ways * choices
            counts = following
            shares.append(sum(counts.values()) / self.vocab_size**t)
        return shares[-1] if self.reward == "terminal" else sum(shares) / self.horizon
