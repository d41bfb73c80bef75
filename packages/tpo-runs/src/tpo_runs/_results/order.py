"""The order in which figures and tables show methods."""

import re
from collections.abc import Iterable

# The methods of the paper.
FAMILIES = (
    "TPO",
    "TPO (no anchor)",
    "GRPO",
    "GRPO (no KL)",
    "GRPO (masked)",
    "Group PG",
    "PPO",
    "DG",
    "REINFORCE",
    "CE",
)


def _words(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z0-9]+", name.casefold()))


_FAMILY_WORDS = {_words(family): family for family in FAMILIES} | {("pg",): "REINFORCE"}


def family_of(method: str) -> str | None:
    """The family whose name is a prefix of a method's display name, or None.

    Case and punctuation are ignored and the longest match wins, so "GRPO (no KL), 1 epoch" belongs to
    "GRPO (no KL)". "PG" is an alias of "REINFORCE".

    >>> family_of("DG (interactions)"), family_of("GRPO, no KL"), family_of("my method")
    ('DG', 'GRPO (no KL)', None)
    """
    words = _words(method)
    lengths = range(len(words), 0, -1)
    return next((_FAMILY_WORDS[words[:n]] for n in lengths if words[:n] in _FAMILY_WORDS), None)


def is_plain(method: str) -> bool:
    """Whether a display name is exactly the name of a family."""
    return _words(method) in _FAMILY_WORDS


def reading_order(methods: Iterable[str]) -> list[str]:
    """The distinct methods in the paper's order: variants follow their family, unknown names come last.

    >>> reading_order(["mine", "PPO", "TPO, 1 epoch", "PPO", "TPO"])
    ['TPO', 'TPO, 1 epoch', 'PPO', 'mine']
    """

    def position(method: str) -> tuple[int, bool, bool]:
        family = family_of(method)
        place = len(FAMILIES) if family is None else FAMILIES.index(family)
        return (place, method != family, not is_plain(method))

    return sorted(dict.fromkeys(methods), key=position)
