"""Token tasks: answer a random prompt with a fixed transformation of it."""

import difflib

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ._rewards import REWARDS
from ._targets import TARGETS


class TokenTask(eqx.Module):
    """Answer a prompt of `horizon` uniform tokens with `target(prompt)`; every token is paid by `reward`.

    The score of an answer is the mean of its token rewards, so it lies in [0, 1] and 1 is perfect.

    **Arguments:**

    - `target`: `"copy"` x, `"flip"` V - 1 - x, `"reverse_copy"` or `"reverse_flip"`.
    - `reward`: `"bag_of_tokens"` pays each correct token, `"sequential"` each correct token up to the first
        mistake, `"terminal"` pays all tokens if the whole answer is correct and none otherwise.
    - `horizon`: tokens in a prompt and in an answer, at least 1.
    - `vocab_size`: tokens are the integers `0 .. vocab_size - 1`, at least 2.

    **Raises:** `ValueError` for an unknown target or reward, or sizes out of range.

    >>> import jax.numpy as jnp
    >>> task = TokenTask(target="reverse_copy", reward="sequential", horizon=3, vocab_size=2)
    >>> prompt = jnp.array([0, 1, 1])
    >>> task.answer(prompt).tolist()
    [1, 1, 0]
    >>> task.token_rewards(prompt, jnp.array([1, 0, 0])).tolist()
    [1.0, 0.0, 0.0]

    Source: the token reversal family of arXiv 2604.06159, section 3.
    """

    target: str = eqx.field(static=True)
    reward: str = eqx.field(static=True)
    horizon: int = eqx.field(static=True)
    vocab_size: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        _check_name("target", self.target, TARGETS)
        _check_name("reward", self.reward, REWARDS)
        if self.horizon < 1:
            raise ValueError(f"horizon is {self.horizon}, but a prompt needs at least 1 token")
        if self.vocab_size < 2:
            raise ValueError(f"vocab_size is {self.vocab_size}, but a task needs at least 2 tokens")

    def prompts(self, key: PRNGKeyArray, batch: int) -> Int[Array, "{batch} {self.horizon}"]:
        """Draw `batch` prompts with independent uniform tokens."""
        return jax.random.randint(key, (batch, self.horizon), 0, self.vocab_size)

    def answer(self, prompts: Int[Array, "*b h"]) -> Int[Array, "*b h"]:
        """The correct answer of every prompt."""
        return TARGETS[self.target](prompts, self.vocab_size)

    def correct(self, prompts: Int[Array, "*#b h"], answers: Int[Array, "*#b h"]) -> Bool[Array, "*b h"]:
        """Which tokens of the answers are right; leading axes broadcast."""
        return answers == self.answer(prompts)

    def token_rewards(
        self, prompts: Int[Array, "*#b h"], answers: Int[Array, "*#b h"]
    ) -> Float[Array, "*b h"]:
        """The reward of every token, each in [0, 1]; leading axes broadcast."""
        return REWARDS[self.reward](self.correct(prompts, answers))

    def score(self, prompts: Int[Array, "*#b h"], answers: Int[Array, "*#b h"]) -> Float[Array, "*b"]:
        """The score of every answer: the mean of its token rewards, in [0, 1]."""
        return jnp.mean(self.token_rewards(prompts, answers), axis=-1)

    def candidate_rewards(
        self,
        prompts: Int[Array, "*b h"],
        behaviour: Int[Array, "*b h"],
        candidates: Int[Array, "*b h k"],
    ) -> Float[Array, "*b h k"]:
        """The reward of each candidate token, put after the prefix that the behaviour answer has there.

        Under `"sequential"` a candidate earns nothing once the behaviour prefix before it holds a mistake.

        **Raises:** `ValueError` under `"terminal"`, which pays whole answers and so no single token.
        """
        if self.reward == "terminal":
            raise ValueError(
                "a terminal reward pays whole answers, so single candidate tokens have no reward: "
                "score whole answers with `score`, or use the reward 'bag_of_tokens' or 'sequential'"
            )
        paid = (candidates == self.answer(prompts)[..., None]).astype(float)
        if self.reward == "bag_of_tokens":
            return paid
        reached = jnp.cumprod(self.correct(prompts, behaviour).astype(float), axis=-1)
        before = jnp.concatenate([jnp.ones_like(reached[..., :1]), reached[..., :-1]], axis=-1)
        return before[..., None] * paid

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, in closed form."""
        hit = 1.0 / self.vocab_size
        if self.reward == "bag_of_tokens":
            return hit
        if self.reward == "terminal":
            return hit**self.horizon
        return sum(hit**t for t in range(1, self.horizon + 1)) / self.horizon

    @property
    def optimal_score(self) -> float:
        """The score of correct answers."""
        return 1.0


def _check_name(field: str, name: str, known: dict) -> None:
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{field} is {name!r}, but it must be one of {', '.join(map(repr, known))}{hint}")
