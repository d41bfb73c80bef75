"""Words for messages and labels: values, nearest matches, expectations, grid points, and cells."""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

LONGEST = 60
# Control, format (bidi, zero-width), surrogate, line and paragraph separator.
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def found(value: object) -> str:
    """Describe a value read from TOML, on one line and briefly.

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
        return shorten(ascii_safe(repr(value)))
    return f"{value!s} (a {type(value).__name__})"


def is_plain(text: str) -> bool:
    r"""Whether a text is one line that shows as it stands: no control, format or half characters.

    >>> is_plain("GRPO [no KL]"), is_plain("two\nlines"), is_plain("\u202eright to left")
    (True, False, False)
    """
    return text.isprintable() or not any(unicodedata.category(c) in _HIDDEN for c in text)


def on_terminal(text: str) -> str:
    """Escape what a terminal would act on, except line ends."""
    return text if is_plain(text) else "".join(c if c == "\n" or is_plain(c) else ascii_safe(c) for c in text)


def ascii_safe(text: str) -> str:
    """Escape what a terminal would act on or could not print, and leave the rest."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def counted(count: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "cell"), counted(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shorten(text: str) -> str:
    """Cut a long text to its beginning and end."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 20]}...{text[-15:]}"


def nearest(word: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that is most like `word`, in whatever case, or None when there is none like it."""
    by_lower = {name.lower(): name for name in allowed}
    matches = difflib.get_close_matches(word[:LONGEST].lower(), by_lower, n=1)
    return by_lower[matches[0]] if matches else None


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """The hint `; did you mean 'steps'?`, or nothing when no allowed word is near."""
    match = nearest(word, allowed)
    return f"; did you mean {match!r}?" if match else ""


def one_of(word: str, allowed: Iterable[str]) -> str:
    """The tail of a message about an unknown word: the nearest match, then all allowed words."""
    allowed = list(allowed)
    hint = did_you_mean(word, allowed)
    return f"{hint or ';'} allowed: {', '.join(allowed) or 'none'}"


def expectation(schema: Mapping[str, Any]) -> str:
    """Say in words what the JSON schema of one field asks for.

    >>> expectation({"type": "integer", "minimum": 1, "maximum": 4096})
    'an integer from 1 to 4096'
    >>> expectation({"type": "number", "exclusiveMinimum": 0})
    'a number above 0'
    """
    if "description" in schema:
        return schema["description"]
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
    """A grid axis in words: "task.horizon" is "horizon".

    >>> axis_label("objective.kl_coef")
    'kl coef'
    """
    return _AXIS_NAMES.get(axis, ascii_safe(axis.rsplit(".", 1)[-1].replace("_", " ")))


def value_label(value: object) -> str:
    r"""A grid value in words: "reverse_copy" is "reverse copy". Two numbers never look the same.

    >>> value_label(1e-3), value_label(0.12345678), value_label("a\nb")
    ('0.001', '0.12345678', 'a\\nb')
    """
    if value is None:
        return "–"
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return ascii_safe(str(value).replace("_", " "))


def point_label(point: Mapping[str, object]) -> str:
    """A grid point in words.

    >>> point_label({"task.horizon": 7, "task.reward": "bag_of_tokens"})
    'horizon = 7, reward = bag of tokens'
    """
    return ", ".join(
        f"no {axis_label(axis)}" if value is None else f"{axis_label(axis)} = {value_label(value)}"
        for axis, value in point.items()
    )


def cell_label(method: str, point: Mapping[str, object]) -> str:
    """A cell in words.

    >>> cell_label("TPO", {"task.horizon": 7}), cell_label("TPO", {})
    ('TPO, horizon = 7', 'TPO')
    """
    return f"{method}, {point_label(point)}" if point else method
