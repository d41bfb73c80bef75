"""Messages about mistyped flags: the flags and overrides that may be meant and that the command accepts."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from .._text import found, nearest

MAX_NAMED = 3
# Keys of configs, by other common names.
SYNONYMS = {
    **dict.fromkeys(("lr", "alpha", "step_size"), ("learning_rate",)),
    **dict.fromkeys(("batch", "batch_size", "bs"), ("prompts", "microbatches")),
    **dict.fromkeys(("group", "group_size", "n", "k", "generations", "num_generations"), ("candidates",)),
    **dict.fromkeys(("temp", "temperature"), ("eta",)),
    **dict.fromkeys(("iterations", "iters", "updates", "episodes", "max_steps", "num_steps"), ("steps",)),
    **dict.fromkeys(("length", "max_length", "seq_len"), ("horizon",)),
    **dict.fromkeys(("vocab", "vocabulary"), ("vocab_size",)),
    **dict.fromkeys(("grad_clip", "max_grad_norm"), ("clip_norm",)),
    **dict.fromkeys(("warmup",), ("warmup_steps",)),
}
NOTES = {
    **dict.fromkeys(
        ("gpu", "gpus", "cpu", "device", "devices", "cuda"),
        "the variable JAX_PLATFORMS chooses the devices, as in JAX_PLATFORMS=cpu",
    ),
    **dict.fromkeys(("resume", "restart", "restore"), "the same command resumes a run that was stopped"),
    **dict.fromkeys(("dry_run", "validate"), "tpo-runs check CONFIG counts what it would train"),
    "config": "the config needs no flag, as in tpo-runs CONFIG",
}


def describe_flag(
    typed: str, value: str | None, flags: Sequence[str], *, overrides: bool, config: Path | None
) -> str:
    """The message about a flag that a command does not have, and the `value` after it.

    `flags` are those of the command. With `overrides`, it also takes keys of a config, which may be known.
    """
    # Imported here because it is slow.
    from .keys import ALONE

    key = typed.strip("-").replace("-", "_")
    names = {flag.strip("-").replace("-", "_"): flag for flag in flags}
    notes = {**dict.fromkeys(ALONE, "no flag sets this key; set it in the config"), **NOTES}
    meant = _overrides(key, value, names, config) if overrides and key not in ALONE else []
    match = nearest(key, names) if key not in notes else None
    meant = meant or ([names[match]] if match else [])
    hint = f"; did you mean {' or '.join(map(repr, meant))}?" if meant else ""
    note = f"; {notes[key]}" if key in notes and not meant else ""
    more = ", and overrides as --section.key" if overrides else ""
    return f"unknown flag {found(typed)}{hint}{note}; flags: {', '.join(flags)}{more}"


def _overrides(key: str, value: str | None, flags: Mapping[str, str], config: Path | None) -> list[str]:
    """The overrides that set a key of this name, or of one like it; none if a flag is more like it."""
    from .keys import all_keys, keys_of, load

    loaded = None if config is None else load(config)
    keys = keys_of(loaded) if loaded else all_keys()
    for names in _names_like(key, [each.name for each in keys if not each.kinds], flags):
        there = [each for each in keys if each.name in names and (each.name == key or not each.kinds)]
        there = sorted(there, key=lambda each: bool(each.kinds))
        fitting = [each for each in there if value is None or each.takes(value)] or there
        found = (each.accepted(loaded, value) if loaded else each.described for each in fitting)
        if meant := list(dict.fromkeys(flag for flag in found if flag))[:MAX_NAMED]:
            return meant
    return []


def _names_like(key: str, names: Sequence[str], flags: Mapping[str, str]) -> Iterator[Collection[str]]:
    """Names of keys that may be meant: the key itself, another word for it, a part of it, or a similar one.

    `names` are those of keys that most kinds have. A key of few kinds is one of several guesses.
    """
    yield (key,) if key in names else ()
    yield SYNONYMS.get(key, ())
    yield [key, *(name for name in names if {key, f"{key}s"} & {name, *name.split("_")})]
    similar = nearest(key, dict.fromkeys((*flags, *names)))
    yield (similar,) if similar not in (None, *flags) else ()
