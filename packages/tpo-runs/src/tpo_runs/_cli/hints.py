"""Messages about mistyped words of the command line."""

import os
import shlex
from collections.abc import Sequence

from .._text import found, nearest, printable

# First words of other programs, and the commands that do the same here.
SYNONYMS = {
    **dict.fromkeys(("list", "ls"), "tpo-runs {} --list"),
    **dict.fromkeys(("run", "train", "resume", "start"), "tpo-runs {}"),
    **dict.fromkeys(("validate", "lint"), "tpo-runs check {}"),
    **dict.fromkeys(("diff", "versus", "vs"), "tpo-runs compare {}"),
    **dict.fromkeys(("plot", "redraw", "figures"), "tpo-runs draw {}"),
}
COMBINATIONS = ("merge", "combine")
OF_CONFIG = ("run", "check", "show")
# The only argument of a command, as its help calls it.
ARGUMENTS = {
    **dict.fromkeys(OF_CONFIG, "one config file"),
    **dict.fromkeys(("report", "summarize", "frame", "sample", "export"), "one OUT"),
    "kinds": "one section",
    "completion": "one shell",
    "schema": "no argument",
}


def describe_no_command(words: Sequence[str], commands: Sequence[str]) -> str | None:
    """The message about a first word that is no file but resembles a command; None for other words."""
    first, *rest = words
    if not first.isidentifier() or os.path.lexists(first):
        return None
    if first in COMBINATIONS:
        meant = _combination(rest)
    elif first in SYNONYMS:
        default = {"draw": "OUT", "compare": "OUT OUT"}.get(SYNONYMS[first].split()[1], "CONFIG")
        meant = SYNONYMS[first].format(_joined(rest) or default)
    elif match := nearest(first, commands):
        meant = f"tpo-runs {match} {_joined(rest)}".strip()
    else:
        return None
    return f"there is no command {found(first)}; did you mean '{meant}'?"


def describe_unexpected(command: str, word: str, words: Sequence[str]) -> str:
    """The message about a word too many after a command, whose words are `words`."""
    fault = f"unexpected argument {found(word)}; expected {ARGUMENTS.get(command, 'none more')}"
    place = words.index(word)
    if command in OF_CONFIG and "." in word.partition("=")[0] and "=" in word:
        return f"{fault}; did you mean {found(f'--{word}')}?"
    if words[max(0, place - 2)] == "--methods":
        names = f"--methods {words[place - 1].rstrip(',')},{word}"
        return f"{fault}; did you mean {found(names)}, without a space?"
    before = [other for other in words[:place] if not other.startswith("-")]
    if before and command != "schema" and _is_like(word, before[0]):
        program = "tpo-runs" if command == "run" else f"tpo-runs {command}"
        each = " && ".join(f"{program} {_joined([one])}" for one in (before[0], word))
        return f"{fault}; for both, run '{each}'"
    return fault


def _combination(sources: Sequence[str]) -> str:
    """The commands that draw the seeds of runs together."""
    outs = [source for source in sources if not source.endswith(".json")] if sources else ["A", "B"]
    summaries = [source for source in sources if source.endswith(".json")]
    summaries += [os.path.join(out, "figures", "summary.json") for out in outs]
    steps = [f"tpo-runs summarize {_joined([out])}" for out in outs]
    return " && ".join([*steps, f"tpo-runs draw {_joined(summaries)}"])


def _is_like(word: str, other: str) -> bool:
    """Whether two paths are of one type, by their endings."""
    return os.path.splitext(word)[1] == os.path.splitext(other)[1]


def _joined(words: Sequence[str]) -> str:
    return printable(shlex.join(words))
