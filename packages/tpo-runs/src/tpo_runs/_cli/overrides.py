"""Overrides such as `--schedule.steps 30` among the words of a command line."""

from collections.abc import Sequence

from .._errors import ConfigError
from .._text import printable


def split_overrides(words: Sequence[str]) -> tuple[list[str], tuple[tuple[str, str], ...]]:
    """Separate overrides, which are flags with a dot, from the other words.

    >>> split_overrides(["a.toml", "--schedule.steps=30", "--smoke"])
    (['a.toml', '--smoke'], (('schedule.steps', '30'),))
    """
    plain, overrides = [], []
    remaining = iter(words)
    for word in remaining:
        flag, equals, value = _split_at_equals(word)
        if not flag.startswith("--") or "." not in flag:
            plain.append(word)
            continue
        value = value if equals else next(remaining, "--")
        if not equals and value.startswith("--"):
            raise ConfigError([f"{printable(flag)}: expected a value"])
        overrides.append((flag[2:], value))
    return plain, tuple(overrides)


def _split_at_equals(word: str) -> tuple[str, str, str]:
    """Partition at the first "=" that is not in the NAME of --method.NAME.section.key."""
    flag, equals, value = word.partition("=")
    while equals and flag.startswith("--method.") and flag.count(".") < 3:
        more, equals, value = value.partition("=")
        flag += f"={more}"
    return flag, equals, value
