"""The base class of token tasks: draws prompts, and checks and scores answers."""

import abc
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from ._answer_base import AbstractAnswerTask
from ._arrays import AnyArray, namespace
from ._names import check_name
from ._rewards import REWARDS, Reward
from ._token_checks import TOKEN_FIELDS, check_fields, check_shape
from ._token_methods import on_tokens

if TYPE_CHECKING:
    from jaxtyping import PRNGKeyArray


class AbstractTokenTask(AbstractAnswerTask):
    """A task with prompts and answers of `horizon` tokens, in which every token earns a reward in [0, 1].

    All methods except the two that draw prompts work with NumPy and JAX arrays, and under `jax.jit` and
    `jax.vmap`. A task has no arrays: it is a frozen dataclass, and JAX treats it as a pytree without leaves.

    Tokens may have any integer dtype. Methods, including your own, receive them as `int32`, or as `int64` if
    they have 64 bits, and NumPy arrays are read-only there. Other dtypes raise a `TypeError`. An answer with
    a token outside `0 .. vocab_size - 1` is never right.

    To write your own task, make a frozen dataclass with the fields `reward`, `horizon` and `vocab_size` and
    the method `answer`. If several answers can be right, also define `correct` and `right_candidates`.
    """

    reward: str
    horizon: int
    vocab_size: int

    @property
    def end(self) -> None:
        """No token ends an answer."""

    def __post_init__(self) -> None:
        check_fields(self, TOKEN_FIELDS)

    @property
    def prompt_length(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Tokens in a prompt, as many as in an answer."""
        return self.horizon

    @abc.abstractmethod
    def answer(self, prompts: Integer[AnyArray, "*b h"]) -> Int[AnyArray, "*b h"]:
        """A correct answer to every prompt."""

    @property
    def rule(self) -> Reward:
        """The reward rule.

        **Raises:** `ValueError` if the reward is unknown.
        """
        check_name("reward", self.reward, REWARDS)
        return REWARDS[self.reward]

    def prompts(self, key: "PRNGKeyArray", batch: int) -> Int[AnyArray, "{batch} {self.horizon}"]:
        """Draw `batch` prompts with a JAX key."""
        import jax

        return jax.random.randint(key, (batch, self.horizon), 0, self.vocab_size)

    def numpy_prompts(self, rng: np.random.Generator, batch: int) -> Int[np.ndarray, "b h"]:
        """Draw `batch` prompts with a NumPy generator, as `int32`."""
        return rng.integers(0, self.vocab_size, (batch, self.horizon), np.int32)

    @on_tokens
    def right_tokens(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Int[AnyArray, "*#b h"]:
        """The token that would be right at every position, given the answer up to there.

        **Raises:** `ValueError` if `answer` does not return an array of the prompts' shape.
        """
        del answers
        right = self.answer(prompts)
        check_shape(f"{type(self).__name__}.answer", right, tuple(prompts.shape), "the prompts' shape")
        return right

    @on_tokens
    def correct(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b h"]:
        """Which tokens of the answers are right; leading axes broadcast."""
        return answers == self.right_tokens(prompts, answers)

    @on_tokens
    def exact_match(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b"]:
        """Whether every token of an answer is right, regardless of the reward."""
        return namespace(prompts, answers).all(self.correct(prompts, answers), axis=-1)

    @on_tokens
    def token_rewards(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b h"]:
        """The reward of every token, each in [0, 1]; leading axes broadcast."""
        return self.rule.tokens(self.correct(prompts, answers))

    @on_tokens
    def score(
        self, prompts: Integer[AnyArray, "*#b h"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """The score of every answer: the mean of its token rewards, in [0, 1]."""
        return self.rule.score(self.correct(prompts, answers))

    @on_tokens
    def candidate_rewards(
        self,
        prompts: Integer[AnyArray, "*b h"],
        behaviour: Integer[AnyArray, "*b h"],
        candidates: Integer[AnyArray, "*b h k"],
    ) -> Float[AnyArray, "*b h k"]:
        """The reward of each candidate token after the prefix of `behaviour` at its position.

        Under `"sequential"`, a candidate earns nothing if the prefix has a mistake.

        **Raises:** `ValueError` if the reward scores complete answers.
        """
        if not self.rule.dense:
            raise ValueError(
                f"a {self.reward} reward scores complete answers, so single candidate tokens have no reward: "
                "score complete answers with `score`, or use the reward 'bag_of_tokens' or 'sequential'"
            )
        right = self.right_candidates(prompts, behaviour, candidates)
        if self.reward == "bag_of_tokens":
            return right.astype(float)
        xp = namespace(prompts, behaviour, candidates)
        reached = xp.cumprod(self.correct(prompts, behaviour).astype(float), axis=-1)
        before = xp.concatenate([xp.ones_like(reached[..., :1]), reached[..., :-1]], axis=-1)
        return before[..., None] * right.astype(float)

    @on_tokens
    def right_candidates(
        self,
        prompts: Integer[AnyArray, "*b h"],
        behaviour: Integer[AnyArray, "*b h"],
        candidates: Integer[AnyArray, "*b h k"],
    ) -> Bool[AnyArray, "*b h k"]:
        """Which candidate tokens would be right after the prefix of `behaviour`."""
        return candidates == self.right_tokens(prompts, behaviour)[..., None]

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers, in closed form."""
        return self.rule.random_score(1 / self.vocab_size, self.horizon)
