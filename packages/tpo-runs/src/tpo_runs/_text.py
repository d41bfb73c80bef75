"""Formatting of messages and labels: values, nearest matches, expectations, grid points, cells."""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

MAX_LENGTH = 60
# Control, format (bidi, zero-width), surrogate, line and paragraph separator.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def found(value: object) -> str:
    """Describe a TOML value briefly, on one line.

    >>> found("10"), found(True), found({"a": 1}), found(10)
    ("'10'", 'true', 'a table', '10')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, str | int | float):
        return shorten(printable(repr(value)))
    return f"{value!s} (a {type(value).__name__})"


def is_plain(text: str) -> bool:
    r"""Whether a text is one line without control, format and surrogate characters.

    >>> is_plain("GRPO [no KL]"), is_plain("two\nlines"), is_plain("\u202eright to left")
    (True, False, False)
    """
    return text.isprintable() or not any(unicodedata.category(c) in _HIDDEN for c in text)


def on_terminal(text: str) -> str:
    """Escape control, format and surrogate characters, except line ends."""
    return text if is_plain(text) else "".join(c if c == "\n" or is_plain(c) else printable(c) for c in text)


def printable(text: str) -> str:
    """Escape all characters that are not printable; keep other characters, ASCII or not."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def spaced(name: str) -> str:
    """A name such as that of a metric, with spaces for its underscores."""
    return name.replace("_", " ")


def counted(count: int, noun: str) -> str:
    """Format a count with its noun.

    >>> counted(1, "cell"), counted(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shorten(text: str) -> str:
    """Shorten a long text to its beginning and end."""
    return text if len(text) <= MAX_LENGTH else f"{text[: MAX_LENGTH - 20]}...{text[-15:]}"


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that is most similar to `word`, ignoring case; None if there is none."""
    by_lower = {name.lower(): name for name in allowed}
    matches = difflib.get_close_matches(word[:MAX_LENGTH].lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """The hint `; did you mean 'steps'?`; an empty string if no allowed word is similar."""
    match = nearest(word, allowed)
    return f"; did you mean {match!r}?" if match else ""


def one_of(word: str, allowed: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest match, then all allowed words."""
    allowed = list(allowed)
    hint = did_you_mean(word, allowed)
    return f"{hint or ';'} allowed: {', '.join(allowed) or 'none'}"


def expectation(schema: Mapping[str, Any]) -> str:
    """Describe the values that the JSON schema of a field allows.

    >>> expectation({"type": "integer", "minimum": 1, "maximum": 4096})
    'an integer from 1 to 4096'
    >>> expectation({"type": "number", "exclusiveMinimum": 0})
    'a number above 0'
    """
    if "description" in schema:
        return schema["description"]
    if "anyOf" in schema:  # a key that may be left out
        return expectation(schema["anyOf"][0])
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema.get("type") == "array":
        return f"a list of {schema['minItems']} to {schema['maxItems']} values"
    nouns = {"integer": "an integer", "number": "a number", "string": "a string", "boolean": "true or false"}
    noun = nouns.get(schema.get("type", ""), "a table")
    if "minimum" in schema and "maximum" in schema:
        return f"{noun} from {schema['minimum']} to {schema['maximum']}"
    limits = {"minimum": "of at least", "exclusiveMinimum": "above", "exclusiveMaximum": "below"}
    bounds = [f"{words} {schema[limit]}" for limit, words in limits.items() if limit in schema]
    return " ".join([noun, " and ".join(bounds)]).strip()


_AXIS_NAMES = {
    "rollout.candidates": "candidates",
    "objective.eta": "temperature",
    "task.vocab_size": "vocabulary",
}


def axis_label(axis: str) -> str:
    """The label of a grid axis: "task.horizon" is "horizon".

    >>> axis_label("objective.kl_coef")
    'kl coef'
    """
    return _AXIS_NAMES.get(axis, printable(spaced(axis.rsplit(".", 1)[-1])))


def value_label(value: object) -> str:
    r"""The label of a grid value: "reverse_copy" is "reverse copy". Distinct numbers have distinct labels.

    >>> value_label(1e-3), value_label(0.12345678), value_label("a\nb")
    ('0.001', '0.12345678', 'a\\nb')
    """
    if value is None:
        return "–"
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return printable(spaced(str(value)))


def point_label(point: Mapping[str, object]) -> str:
    """The label of a grid point.

    >>> point_label({"task.horizon": 7, "task.reward": "bag_of_tokens"})
    'horizon = 7, reward = bag of tokens'
    """
    return ", ".join(
        f"no {axis_label(axis)}" if value is None else f"{axis_label(axis)} = {value_label(value)}"
        for axis, value in point.items()
    )


def cell_label(method: str, point: Mapping[str, object]) -> str:
    """The label of a cell.

    >>> cell_label("TPO", {"task.horizon": 7}), cell_label("TPO", {})
    ('TPO, horizon = 7', 'TPO')
    """
    return f"{method}, {point_label(point)}" if point else method
