"""The base class of all tasks with prompts and answers of tokens: what an answer is, and which are right."""

import abc
import contextlib
import copyreg
import functools
import importlib
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from ._arrays import AnyArray, check_tokens, fill_after_end, namespace, widen
from ._numpy_checks import answer_stream, question_stream
from ._token_checks import ANSWER_FIELDS, check_fields, check_shape
from ._token_methods import check_overrides, on_tokens

if TYPE_CHECKING:
    from jaxtyping import PRNGKeyArray

# The number of answers, each to a different prompt, for the estimate of a random score.
_ESTIMATE = 2**14


def _restored(task: type[Any]) -> Any:
    """An empty task, registered with JAX even if the process has not imported JAX yet."""
    with contextlib.suppress(ImportError):
        importlib.import_module("tpo_envs._pytrees")
    return task.__new__(task)  # pyright: ignore[reportCallIssue]


class AbstractAnswerTask(abc.ABC):
    """A task with prompts of `prompt_length` tokens and answers of at most `horizon`, scored as a whole.

    An answer lasts up to and including its first end token; whatever follows is ignored. In an array, answers
    always have `horizon` tokens. If `end` is None, every answer has exactly `horizon` tokens.

    All methods except the two that draw prompts work with NumPy and JAX arrays, and under `jax.jit` and
    `jax.vmap`. A task has no arrays: it is a frozen dataclass, and JAX treats it as a pytree without leaves.

    Tokens may have any integer dtype. Methods, including your own, receive them as `int32`, or as `int64` if
    they have 64 bits, with end tokens after the first one, and NumPy arrays are read-only there. Other dtypes
    raise a `TypeError`. An answer with a token outside `0 .. vocab_size - 1` is never right.

    To write your own task, make a frozen dataclass with the fields `prompt_length`, `horizon` and
    `vocab_size` and the methods `prompts`, `numpy_prompts` and `answer`. If several answers can be right,
    also define `exact_match`; for partial credit, define `score`; if you know it, define `random_score`.

    Attributes:
        prompt_length: tokens in a prompt; shorter prompts are padded with end tokens on the right.
        horizon: the maximum number of tokens in an answer, including its end token.
        vocab_size: tokens are the integers `0 .. vocab_size - 1`, including the end token.
    """

    prompt_length: int
    horizon: int
    vocab_size: int

    def __new__(cls, *_: Any, **__: Any):
        # Register the class with JAX, but do not import JAX for this.
        if sys.modules.get("jax") is not None:
            from ._pytrees import make_known

            make_known(cls)
        return super().__new__(cls)

    def __reduce_ex__(self, protocol: Any) -> Any:
        reduced = super().__reduce_ex__(protocol)
        make_empty = getattr(copyreg, "__newobj__", None)
        if sys.modules.get("jax") is None or reduced[0] is not make_empty:
            return reduced
        return _restored, *reduced[1:]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        check_overrides(cls)

    def __post_init__(self) -> None:
        check_fields(self, ANSWER_FIELDS)

    @property
    def end(self) -> int | None:
        """The token that ends an answer, or None if every answer has `horizon` tokens."""
        return self.vocab_size - 1

    @abc.abstractmethod
    def prompts(self, key: "PRNGKeyArray", batch: int) -> Int[AnyArray, "{batch} {self.prompt_length}"]:
        """Draw `batch` prompts with a JAX key."""

    @abc.abstractmethod
    def numpy_prompts(self, rng: np.random.Generator, batch: int) -> Int[np.ndarray, "b p"]:
        """Draw `batch` prompts with a NumPy generator, as `int32`."""

    @abc.abstractmethod
    def answer(self, prompts: Integer[AnyArray, "*b p"]) -> Int[AnyArray, "*b h"]:
        """A right answer to every prompt, padded with end tokens."""

    @on_tokens
    def mask(self, answers: Integer[AnyArray, "*b h"]) -> Bool[AnyArray, "*b h"]:
        """Which tokens of the answers exist: all tokens up to and including the first end token."""
        xp = namespace(answers)
        if self.end is None:
            return xp.ones_like(answers, dtype=bool)
        ends = (answers == self.end).astype(np.int32)
        return xp.cumsum(ends, axis=-1) - ends == 0

    @on_tokens
    def lengths(self, answers: Integer[AnyArray, "*b h"]) -> Int[AnyArray, "*b"]:
        """The number of tokens of every answer, including its end token."""
        return self.mask(answers).sum(axis=-1, dtype=np.int32)

    @on_tokens
    def exact_match(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b"]:
        """Whether an answer is right; leading axes broadcast. A right answer scores 1.

        **Raises:** `ValueError` if `answer` returns another shape than `[..., horizon]`.
        """
        right = self.answer(prompts)
        expected = (*prompts.shape[:-1], self.horizon)
        check_shape(f"{type(self).__name__}.answer", right, expected, "the shape [..., horizon]:")
        return namespace(prompts, answers).all(answers == right, axis=-1)

    @on_tokens
    def score(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """The score of every answer, in [0, 1]: by default 1 if it is right, else 0."""
        return self.exact_match(prompts, answers).astype(float)

    def distinct_right(
        self, prompts: Integer[AnyArray, "*b p"], answers: Integer[AnyArray, "*b k h"]
    ) -> Int[AnyArray, "*b"]:
        """The number of different right answers among `k` answers to each prompt.

        Answers that differ only after their end token are the same.

        **Raises:** `TypeError` or `ValueError` if the dtype or shape of an argument is wrong.
        """
        check_tokens("prompts", prompts, self.prompt_length)
        check_tokens("answers", answers, self.horizon)
        if answers.ndim < 2:
            raise ValueError(
                f"answers must be integer tokens [..., k, {self.horizon}]; got shape {answers.shape}"
            )
        xp = namespace(prompts, answers)
        right = self.exact_match(prompts[..., None, :], answers)
        kept = fill_after_end(widen(answers), self.end)
        # Equal answers are neighbors once sorted; comparing all pairs would take the square of `k`.
        order = xp.lexsort(xp.moveaxis(kept, -1, 0))
        kept = xp.take_along_axis(kept, order[..., None], axis=-2)
        right = xp.take_along_axis(right, order, axis=-1)
        changes = xp.any(kept[..., 1:, :] != kept[..., :-1, :], axis=-1)
        new = xp.concatenate([xp.ones_like(right[..., :1]), changes], axis=-1)
        return (right & new).sum(axis=-1, dtype=np.int32)

    @property
    def random_score(self) -> float:
        """The expected score of answers of uniformly random tokens.

        By default, this is an estimate: the mean score of 16,384 answers to different prompts, with a fixed
        seed. A task with a closed form overrides it.
        """
        return _estimated_random_score(self)

    @property
    def optimal_score(self) -> float:
        """The score of right answers."""
        return 1.0


@functools.lru_cache(maxsize=256)
def _estimated_random_score(task: AbstractAnswerTask) -> float:
    prompts = task.numpy_prompts(question_stream(0), _ESTIMATE)
    answers = answer_stream(0).integers(0, task.vocab_size, (_ESTIMATE, task.horizon), np.int32)
    return float(task.score(prompts, answers).mean())
