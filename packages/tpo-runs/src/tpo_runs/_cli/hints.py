"""What is wrong with a word of the command line, and what was probably meant."""

from collections.abc import Sequence

from .._text import found, nearest

# First words of other programs, and what they are here.
OTHER_WORDS = {
    **dict.fromkeys(("list", "ls"), "tpo-runs {} --list"),
    **dict.fromkeys(("run", "train", "resume", "start"), "tpo-runs {}"),
    **dict.fromkeys(("validate", "lint"), "tpo-runs check {}"),
    **dict.fromkeys(("plot", "redraw", "figures"), "tpo-runs draw {}"),
}


def complaint(
    unknown: Sequence[str], names: Sequence[str], words: Sequence[str], commands: Sequence[str]
) -> str:
    """What to say about words that a command does not take.

    Args:
        unknown: these words; a flag counts more than what follows it.
        names: the flags that there are, without dashes.
        words: the whole command line.
        commands: what its first word can be, besides a config.
    """
    flags = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    if not flags:
        fault = f"unexpected argument {found(unknown[0])}; expected one config file"
        return fault + _meant(unknown[0], words, commands)
    flag = flags[0].strip("-")
    match = nearest(flag, names)
    meant = _overrides(flag) or ([f"--{match}"] if match else [])
    hint = f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    listing = ", ".join(f"--{name}" for name in names)
    return f"unknown flag {found(flags[0])}{hint}; flags: {listing}, and overrides as --section.key"


def _meant(word: str, words: Sequence[str], commands: Sequence[str]) -> str:
    place = words.index(word)
    if "." in word.partition("=")[0] and "=" in word:
        return f"; did you mean {found(f'--{word}')}?"
    if words[max(0, place - 2)] == "--methods":
        names = f"--methods {words[place - 1].rstrip(',')},{word}"
        return f"; did you mean {found(names)}, without a space?"
    if words[0] in OTHER_WORDS and len(words) > 1:
        return f"; did you mean {found(OTHER_WORDS[words[0]].format(words[1]))}?"
    match = nearest(words[0], commands)
    return f"; did you mean 'tpo-runs {match}'?" if match else ""


def _overrides(key: str) -> list[str]:
    """The overrides that set a key of that name in any config; or else, of a name with it as a word.

    A key that only some kinds of a table have is named together with these kinds.
    """
    # Only who has mistyped something waits for this import.
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
