"""The suite: every id with its settings. Settings never change; new tasks get new ids."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

TARGET_WORDS = {
    "reversal": "reverse_copy",
    "copy": "copy",
    "flip": "flip",
    "reverseflip": "reverse_flip",
    "sort": "sort",
    "addition": "modular_addition",
    "parity": "parity",
    "distractors": "skip_distractors",
}
REWARD_WORDS = {
    "bag": "bag_of_tokens",
    "sequential": "sequential",
    "terminal": "terminal",
    "graded": "graded",
}
# Horizon and vocabulary of every token task, by target and reward.
TOKEN_SIZES = {
    ("reversal", "terminal"): [
        *((h, 2) for h in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24, 32, 48, 64)),
        *((h, 4) for h in (1, 2, 3, 5, 8, 10)),
        *((h, 16) for h in (1, 2, 4)),
    ],
    ("reversal", "sequential"): [(h, 2) for h in (2, 4, 10, 16, 32, 64)] + [(10, 8)],
    ("reversal", "bag"): [(h, 2) for h in (2, 4, 10, 16, 32, 64)] + [(10, v) for v in (4, 8, 16)],
    ("reversal", "graded"): [(4, 2), (10, 2), (16, 2), (32, 2)],
    **{
        (target, reward): [(10, 2)]
        for target in ("copy", "flip", "reverseflip")
        for reward in ("bag", "sequential", "terminal")
    },
    ("sort", "terminal"): [(2, 4), (4, 4), (8, 4), (8, 8)],
    ("sort", "sequential"): [(4, 4), (8, 8), (16, 16)],
    ("addition", "terminal"): [(1, 4), (2, 4), (4, 4), (8, 10)],
    ("addition", "sequential"): [(4, 4), (8, 10), (32, 10)],
    ("parity", "terminal"): [(2, 2), (4, 2), (8, 2), (16, 2)],
    ("parity", "sequential"): [(8, 2), (16, 2), (64, 2)],
    ("distractors", "terminal"): [(2, 4), (4, 4), (8, 4)],
    ("distractors", "sequential"): [(4, 4), (8, 8), (32, 8)],
}
BRACKETS = {
    "terminal": [(2, 2), (4, 2), (4, 4), (8, 4), (16, 4)],
    "sequential": [(4, 4), (8, 4), (16, 4), (32, 8), (64, 8)],
}
# Reward, turns, horizon and vocabulary; rates in percent, horizon and vocabulary.
CONVERSATIONS = [
    ("terminal", 2, 2, 2),
    ("terminal", 2, 4, 2),
    ("terminal", 4, 8, 2),
    ("sequential", 2, 4, 2),
    ("sequential", 4, 16, 4),
    ("bag", 4, 16, 4),
    ("bag", 8, 64, 4),
]
NOISE = [(10, 0, 4, 2), (0, 10, 4, 2), (10, 10, 4, 2), (30, 30, 4, 2), (10, 10, 8, 2), (1, 20, 10, 2)]
# Contexts, arms and the gap between the right arm and the others.
BANDITS = [
    (1, 10, 1.0),
    (1, 100, 1.0),
    (1, 1000, 1.0),
    (1, 100, 0.1),
    (100, 10, 1.0),
    (100, 10, 0.1),
    (1000, 10, 1.0),
    (1000, 100, 1.0),
]
IMAGES = ("digits", "mnist")
TAGS = {
    "sparse": "one reward for the whole answer, usually 0",
    "dense": "a reward for every token or action",
    "credit_assignment": "the reward does not say which token earned it, or depends on other tokens",
    "scale": "hard for its size: horizon from 16, vocabulary from 8, 100 arms or contexts, or a small gap",
    "noise": "the reward makes mistakes",
    "structure": "the answer is computed, not copied",
    "bandit": "one action",
    "length": "answers end by themselves, or their length is all that differs",
    "many_right": "several answers to a prompt are right, and `distinct_right` counts them",
    "paper": "a task of arXiv 2604.06159",
}


class Settings(dict[str, Any]):
    """An immutable and hashable dictionary, which can be pickled and written as JSON.

    Example:
        >>> settings = Settings(horizon=2)
        >>> settings["horizon"] = 3
        Traceback (most recent call last):
        TypeError: the settings of a task never change
    """

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def _immutable(self, *_: Any, **__: Any) -> Any:
        raise TypeError("the settings of a task never change")

    __setitem__ = __delitem__ = __ior__ = pop = popitem = clear = _immutable
    update: Any = _immutable
    setdefault: Any = _immutable


@dataclasses.dataclass(frozen=True)
class Row:
    """One task of the suite.

    Attributes:
        id: its name; the settings of an id never change.
        family: the kind of task, such as "tokens", "countdown" or "bandit".
        settings: the keyword arguments of its class.
        tags: its properties, from `TAGS`.
        difficulty: from 1, solved within seconds by any method, to 5, unsolved.
    """

    id: str
    family: str
    settings: Mapping[str, Any]
    tags: tuple[str, ...]
    difficulty: int


def rows() -> Iterator[Row]:
    """All rows, by family."""
    for (target, reward), sizes in TOKEN_SIZES.items():
        for horizon, vocab_size in sizes:
            settings = {"target": TARGET_WORDS[target], "reward": REWARD_WORDS[reward]}
            yield _row(f"token-{target}-{reward}", "tokens", settings, horizon, vocab_size)
    for reward, sizes in BRACKETS.items():
        for horizon, vocab_size in sizes:
            yield _row(f"brackets-{reward}", "brackets", {"reward": reward}, horizon, vocab_size)
    for reward, turns, horizon, vocab_size in CONVERSATIONS:
        settings = {"target": "reverse_copy", "reward": REWARD_WORDS[reward], "turns": turns}
        yield _row(f"multiturn-reversal-{reward}-t{turns}", "multi_turn", settings, horizon, vocab_size)
    for passes, fails, horizon, vocab_size in NOISE:
        settings = {
            "target": "reverse_copy",
            "false_positives": passes / 100,
            "false_negatives": fails / 100,
            "seed": 0,
        }
        name = f"noisy-reversal-fp{passes}-fn{fails}"
        yield _row(name, "noisy_verifier", settings, horizon, vocab_size)
    for contexts, arms, gap in BANDITS:
        yield _bandit_row(contexts, arms, gap)
    for dataset in IMAGES:
        tags = ("dense", "bandit", "scale", "paper") if dataset == "mnist" else ("dense", "bandit")
        settings = Settings({"dataset": dataset})
        yield Row(f"{dataset}-bandit", "images", settings, tags, 3 if dataset == "mnist" else 2)


def _row(name: str, family: str, settings: dict[str, Any], horizon: int, vocab_size: int) -> Row:
    sized = Settings({**settings, "horizon": horizon, "vocab_size": vocab_size})
    return Row(
        f"{name}-h{horizon}-v{vocab_size}", family, sized, _tags(family, sized), _difficulty(family, sized)
    )


def _bandit_row(contexts: int, arms: int, gap: float) -> Row:
    large = arms >= 100 or contexts >= 100 or gap < 1
    paper = (contexts, arms, gap) in [(1, 100, 1.0), (100, 10, 1.0)]
    tags = ("dense", "bandit", *(["scale"] if large else []), *(["paper"] if paper else []))
    settings = Settings({"contexts": contexts, "arms": arms, "gap": gap})
    difficulty = 1 + (arms >= 100) + (contexts >= 1000) + (gap < 1)
    return Row(f"bandit-c{contexts}-a{arms}-gap{gap:g}", "bandit", settings, tags, difficulty)


def _tags(family: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
    horizon, vocab_size = settings["horizon"], settings["vocab_size"]
    reward, target = settings.get("reward", "terminal"), settings.get("target")
    reverses = target in ("copy", "flip", "reverse_copy", "reverse_flip")
    holds = {
        "sparse": reward == "terminal",
        "dense": reward in ("bag_of_tokens", "sequential"),
        "credit_assignment": horizon > 1 and (reward != "bag_of_tokens" or family == "multi_turn"),
        "scale": horizon >= 16 or vocab_size >= 8,
        "noise": family == "noisy_verifier",
        "structure": not reverses or family == "multi_turn",
        "paper": family == "tokens" and reverses and 7 <= horizon <= 10 and reward != "graded",
    }
    return tuple(tag for tag in TAGS if holds.get(tag))


def _difficulty(family: str, settings: Mapping[str, Any]) -> int:
    """The difficulty, from the number of bits of an answer; dense rewards have higher limits."""
    horizon, vocab_size = settings["horizon"], settings["vocab_size"]
    bits = horizon * (vocab_size - 1).bit_length()
    reward = settings.get("reward", "terminal")
    limits = {"bag_of_tokens": (8, 64, 128, 256), "sequential": (4, 16, 32, 64), "graded": (4, 12, 24, 48)}
    level = 1 + sum(bits > limit for limit in limits.get(reward, (4, 7, 10, 16)))
    return min(5, level + (family == "noisy_verifier"))
