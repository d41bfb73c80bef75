"""Messages about mistyped words of the command line."""

from collections.abc import Sequence

from .._text import found, nearest

# First words of other programs, and the commands that do the same here.
SYNONYMS = {
    **dict.fromkeys(("list", "ls"), "tpo-runs {} --list"),
    **dict.fromkeys(("run", "train", "resume", "start"), "tpo-runs {}"),
    **dict.fromkeys(("validate", "lint"), "tpo-runs check {}"),
    **dict.fromkeys(("plot", "redraw", "figures"), "tpo-runs draw {}"),
}


def describe_unknown(
    unknown: Sequence[str], flags: Sequence[str], words: Sequence[str], commands: Sequence[str]
) -> str:
    """The message about words of a command line that its command does not accept, flags among them first."""
    wrong = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    if not wrong:
        fault = f"unexpected argument {found(unknown[0])}; expected one config file"
        return fault + _hint(unknown[0], words, commands)
    match = nearest(wrong[0], flags)
    meant = _overrides(wrong[0].strip("-")) or ([match] if match else [])
    hint = f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    return f"unknown flag {found(wrong[0])}{hint}; flags: {', '.join(flags)}, and overrides as --section.key"


def _hint(word: str, words: Sequence[str], commands: Sequence[str]) -> str:
    place = words.index(word)
    if "." in word.partition("=")[0] and "=" in word:
        return f"; did you mean {found(f'--{word}')}?"
    if words[max(0, place - 2)] == "--methods":
        names = f"--methods {words[place - 1].rstrip(',')},{word}"
        return f"; did you mean {found(names)}, without a space?"
    if words[0] in SYNONYMS and len(words) > 1:
        return f"; did you mean {found(SYNONYMS[words[0]].format(words[1]))}?"
    match = nearest(words[0], commands)
    return f"; did you mean 'tpo-runs {match}'?" if match else ""


def _overrides(key: str) -> list[str]:
    """The overrides that set a key of this name; if there are none, of a name that contains it as a word.

    A key that only some kinds of a table have is listed with these kinds.
    """
    # Imported here because it is slow.
    from .._config import KINDS, PLAIN, SECTIONS, TOP_SECTIONS

    kinds = KINDS | {name: {"": model} for name, model in PLAIN.items()}
    whole, part, near = [], [], []
    for section in dict.fromkeys((*TOP_SECTIONS, *SECTIONS)):
        place = f"--{section}" if section in TOP_SECTIONS else f"--method.NAME.{section}"
        models = kinds[section]
        for name in dict.fromkeys(name for model in models.values() for name in model.model_fields):
            having = [kind for kind, model in models.items() if name in model.model_fields]
            flag = f"{place}.{name}"
            if name == key and section in TOP_SECTIONS and 3 * len(having) <= len(models):
                part.append(f"{flag} (of {section}.kind {' or '.join(having)})")
            elif name == key:
                whole.append(flag)
            elif {key, f"{key}s"} & {name, *name.split("_")} and having == list(models):
                near.append(flag)
    return whole or near + part
