"""Countdown: compute a target from given numbers with +, - and *."""

import dataclasses
import functools
import itertools
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from ._arrays import AnyArray, namespace
from ._countdown_chance import countdown_random_score
from ._draws import AbstractDrawnTask, Draws
from ._names import check_name
from ._numpy_checks import check_count
from ._unique_answers import ANSWER_REWARDS


class _Expressions(NamedTuple):
    """All expressions over the places of `n` numbers, shortest first.

    Attributes:
        places: the numbers, in order `[e, n]`; 0 after the last one.
        operators: 0 for +, 1 for -, 2 for * `[e, n - 1]`; 0 after the last one.
        counts: how many numbers an expression has `[e]`.
    """

    places: Any
    operators: Any
    counts: Any


@functools.cache
def all_expressions(numbers: int) -> _Expressions:
    """Every order of every subset of the numbers, with every choice of operators."""
    found = [
        (order, operators)
        for count in range(1, numbers + 1)
        for order in itertools.permutations(range(numbers), count)
        for operators in itertools.product(range(3), repeat=count - 1)
    ]
    places = [(*order, *[0] * (numbers - len(order))) for order, _ in found]
    operators = [(*chosen, *[0] * (numbers - 1 - len(chosen))) for _, chosen in found]
    counts = [len(order) for order, _ in found]
    return _Expressions(*(np.array(x, np.int32) for x in (places, operators, counts)))


@dataclasses.dataclass(frozen=True)
class CountdownTask(AbstractDrawnTask):
    """Reach the target with the given numbers and +, - and *, each at most once, then end.

    Tokens are the digits `0 .. base - 1`, then `+`, `-`, `*` and the end token. A prompt has numbers in
    `1 .. base - 1`, in ascending order and one token each, and the target in `target_digits` digits, highest
    first. An answer is an expression and the end token, where

        expression = number | expression operator number

    so there are no brackets, and evaluation is from left to right without precedence: `1 + 2 * 3` is 9. Any
    other answer scores 0, and so does an answer that never ends, uses a number that is not given, or uses a
    number more often than it is given. Several answers can be right.

    Every prompt has a right answer, because its target is the value of such an expression: the numbers are
    uniform, and each operator is uniform among those that keep the result in `0 .. base^target_digits - 1`.

    **Arguments:**

    - `reward`: `"terminal"` pays 1 if the value is the target. `"graded"` pays every expression
        `1 / (1 + |value - target|)`.
    - `numbers`: how many, from 2 to 4. The `horizon` is twice that.
    - `base`: at least 3; tokens are its digits, three operators and the end token, so `V = base + 4`.
    - `target_digits`: at least 2.

    **Raises:** `ValueError` if the reward is unknown, or a size is out of range.

    >>> import numpy as np
    >>> task = CountdownTask("terminal", numbers=3)
    >>> prompt = np.array([2, 3, 7, 2, 7])  # make 27 from 2, 3 and 7
    >>> task.answer(prompt).tolist()  # 2 + 7 * 3
    [2, 10, 7, 12, 3, 13]
    >>> task.score(prompt, np.array([[7, 10, 2, 12, 3, 13], [3, 12, 7, 10, 2, 13]])).tolist()
    [1.0, 0.0]

    Source: ours. The game is that of the television program Countdown, without division.
    """

    reward: str
    numbers: int
    base: int = 10
    target_digits: int = 2

    def __post_init__(self) -> None:
        check_name("reward", self.reward, ANSWER_REWARDS)
        check_count("numbers", self.numbers, 2)
        check_count("base", self.base, 3)
        check_count("target_digits", self.target_digits, 2)
        if self.numbers > 4:
            raise ValueError(f"numbers is {self.numbers}, but it must be from 2 to 4")
        if self.base ** max(self.target_digits + 1, self.numbers) >= 2**30:
            raise ValueError(
                f"base is {self.base} with {self.numbers} numbers and {self.target_digits} digits of the "
                "target, but base^numbers and base^(target_digits + 1) must be below 2^30: "
                "values are 32-bit integers"
            )

    @property
    def prompt_length(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The numbers and the digits of the target."""
        return self.numbers + self.target_digits

    @property
    def horizon(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The maximum length of an answer: all numbers, the operators between them, and the end token."""
        return 2 * self.numbers

    @property
    def vocab_size(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The digits, three operators and the end token: `base + 4`."""
        return self.base + 4

    def draw(self, draws: Draws, batch: int) -> Int[AnyArray, "b p"]:
        """Draw `batch` prompts, each of which has a right answer."""
        numbers = draws.integers(1, self.base, (batch, self.numbers))
        luck = draws.uniform((batch, self.numbers - 1))
        xp = namespace(numbers)
        value = numbers[:, :1]
        for i in range(1, self.numbers):
            results = _results(value, numbers[:, i : i + 1])
            allowed = (results >= 0) & (results < self.base**self.target_digits)
            choices = allowed.sum(axis=-1, keepdims=True).astype(luck.dtype)
            rank = 1 + (luck[:, i - 1 : i] * choices).astype(np.int32)
            chosen = allowed & (xp.cumsum(allowed, axis=-1) == rank)
            value = xp.where(chosen, results, 0).sum(axis=-1, keepdims=True, dtype=np.int32)
        digits = value // self._places(value) % self.base
        return xp.concatenate([xp.sort(numbers, axis=-1), digits], axis=-1)

    def _places(self, tokens: AnyArray) -> Any:
        return self.base ** np.arange(self.target_digits, dtype=tokens.dtype)[::-1]

    def _target(self, prompts: AnyArray) -> AnyArray:
        digits = prompts[..., self.numbers :]
        return (digits * self._places(digits)).sum(axis=-1, dtype=digits.dtype)

    def answer(self, prompts: Integer[AnyArray, "*b p"]) -> Int[AnyArray, "*b h"]:
        """The shortest right answer to every prompt; a wrong one if there is none."""
        xp = namespace(prompts)
        every, numbers = all_expressions(self.numbers), prompts[..., : self.numbers]
        values = _value(numbers[..., every.places], every.operators, every.counts)
        first = xp.argmax(values == self._target(prompts)[..., None], axis=-1)
        places, operators, counts = (xp.asarray(part)[first] for part in every)
        written = xp.take_along_axis(numbers, places, axis=-1)
        filling = xp.zeros_like(operators[..., :1])
        signs = (self.base + xp.concatenate([operators, filling], axis=-1)).astype(prompts.dtype)
        tokens = xp.stack([written, signs], axis=-1).reshape(*prompts.shape[:-1], self.horizon)
        exists = np.arange(self.horizon) < 2 * counts[..., None] - 1
        return xp.where(exists, tokens, xp.asarray(self.vocab_size - 1, prompts.dtype))

    def exact_match(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Bool[AnyArray, "*b"]:
        """Whether an answer is an expression of the given numbers whose value is the target."""
        expression, value = self._read(prompts, answers)
        return expression & (value == self._target(prompts))

    def score(
        self, prompts: Integer[AnyArray, "*#b p"], answers: Integer[AnyArray, "*#b h"]
    ) -> Float[AnyArray, "*b"]:
        """The score of every answer, in [0, 1]."""
        if self.reward == "terminal":
            return super().score(prompts, answers)
        expression, value = self._read(prompts, answers)
        near = 1 / (1 + abs(value - self._target(prompts)))
        return namespace(prompts, answers).where(expression, near, 0.0)

    def _read(self, prompts: AnyArray, answers: AnyArray) -> tuple[AnyArray, AnyArray]:
        """Whether answers are expressions of the given numbers, and the values of those that are."""
        xp, place = namespace(prompts, answers), np.arange(self.numbers)
        written, signs = answers[..., ::2], answers[..., 1::2] - self.base
        tokens = (answers != self.vocab_size - 1).sum(axis=-1, dtype=np.int32)
        count = (tokens + 1) // 2
        used, between = place < count[..., None], place < count[..., None] - 1
        given = prompts[..., None, : self.numbers]
        offered = (written[..., None] == given).sum(axis=-1)
        asked = ((written[..., :, None] == written[..., None, :]) & used[..., None, :]).sum(axis=-1)
        is_number = (asked <= offered) & (written > 0) & (written < self.base)
        is_sign = (signs >= 0) & (signs < 3)
        in_place = xp.all(is_number | ~used, axis=-1) & xp.all(is_sign | ~between, axis=-1)
        # Zeros in place of tokens that are not numbers keep values small.
        numbers = xp.where(is_number & used, written, 0)
        return in_place & (tokens % 2 == 1), _value(numbers, signs[..., :-1], count)

    @property
    def random_score(self) -> float:
        """The expected score of uniformly random answers.

        Exact if there are at most 2,000 choices of numbers, as for base 10: the sum over all choices and all
        expressions. Otherwise, the estimate of `AbstractAnswerTask`.
        """
        exact = countdown_random_score(self.reward, self.numbers, self.base, self.target_digits)
        return super().random_score if exact is None else exact


def _results(left: AnyArray, right: AnyArray) -> AnyArray:
    """The sum, difference and product along a last axis of three."""
    return namespace(left).concatenate([left + right, left - right, left * right], axis=-1)


def _value(numbers: AnyArray, operators: AnyArray, counts: AnyArray) -> AnyArray:
    """The value of the first `counts` numbers `[..., n]` with operators `[..., n - 1]` between them."""
    xp = namespace(numbers)
    value = numbers[..., 0]
    for i in range(1, numbers.shape[-1]):
        sign, number = operators[..., i - 1], numbers[..., i]
        result = xp.where(sign == 0, value + number, xp.where(sign == 1, value - number, value * number))
        value = xp.where(i < counts, result, value)
    return value
