"""The expected score of random answers in Countdown, summed over all numbers and expressions."""

import functools
import itertools
import math
from collections import Counter
from typing import Any

import numpy as np

_MOST_CHOICES = 2000


@functools.cache
def countdown_random_score(reward: str, numbers: int, base: int, target_digits: int) -> float | None:
    """The expected score of answers of random tokens, or None if there are too many choices of numbers."""
    if math.comb(base + numbers - 2, numbers) > _MOST_CHOICES:
        return None
    targets = base**target_digits
    total = 0.0
    for given in itertools.combinations_with_replacement(range(1, base), numbers):
        arrangements = math.factorial(numbers) / math.prod(map(math.factorial, Counter(given).values()))
        values, chances = _expressions(given, base + 4)
        near = values[:, None] == np.arange(targets) if reward == "terminal" else _closeness(values, targets)
        total += arrangements * float(chances @ near @ _targets(given, targets))
    return total / (base - 1) ** numbers


def _closeness(values: Any, targets: int) -> Any:
    return 1 / (1 + abs(values[:, None] - np.arange(targets)))


def _expressions(given: tuple[int, ...], vocab_size: int) -> tuple[Any, Any]:
    """The values of all expressions, and the probability that a random answer has each value."""
    found: Counter[int] = Counter()
    chances: Counter[int] = Counter()
    for count in range(1, len(given) + 1):
        # Equal numbers give equal expressions, which are one answer.
        for order in set(itertools.permutations(given, count)):
            found = Counter({order[0]: 1})
            for number in order[1:]:
                found = _continued(found, number)
            for value, ways in found.items():
                chances[value] += ways * vocab_size ** (-2 * count)  # pyright: ignore[reportArgumentType]
    return np.array(list(chances)), np.array(list(chances.values()), float)


def _continued(values: Counter[int], number: int) -> Counter[int]:
    following: Counter[int] = Counter()
    for value, ways in values.items():
        for result in (value + number, value - number, value * number):
            following[result] += ways
    return following


def _targets(given: tuple[int, ...], targets: int) -> Any:
    """The probability of each target, given these numbers in any order."""
    mass = np.zeros(targets)
    orders = Counter(itertools.permutations(given))
    for order, ways in orders.items():
        found = {order[0]: ways / math.factorial(len(given))}
        for number in order[1:]:
            following: dict[int, float] = {}
            for value, chance in found.items():
                results = [value + number, value - number, value * number]
                allowed = [result for result in results if 0 <= result < targets]
                for result in allowed:
                    following[result] = following.get(result, 0.0) + chance / len(allowed)
            found = following
        mass[list(found)] += list(found.values())
    return mass
