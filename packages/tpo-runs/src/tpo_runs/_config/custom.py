"""A user's own objective, from its name in a config."""

import contextlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._errors import ConfigError, Stopped
from .._text import did_you_mean, found, one_of, printable
from .cell import Cell
from .objective import CustomSpec
from .own_modules import drop_changed, import_own

ARRAYS = ("logp", "old_logp", "scores")
# Common names of these parameters, without underscores and words such as "old".
LOGPS = ("logp", "logps", "lp", "logprob", "logprobs", "logpi", "logprobabilities")
OLD_LOGPS = ("oldlogp", "oldlogps", "olp", "oldlp", "oldlogprob", "oldlogprobs", "lpold", "logpold")
SCORES = ("score", "scores", "reward", "rewards", "advantage", "advantages", "adv", "advs", "returns")


def check_custom(cells: Iterable[Cell], path: Path) -> None:
    """Import every user-defined objective of the cells of the config at `path`.

    Raises:
        ConfigError: with one line for each method whose function cannot be used.
    """
    lines = {}
    drop_changed()
    for cell in cells:
        if isinstance(cell.objective, CustomSpec):
            try:
                resolve(cell.objective.kind, cell.objective.keywords, search_paths(path))
            except ConfigError as error:
                where = f"{printable(str(path))}: method {found(cell.method)}: objective.kind"
                lines.update({f"{where}: {line}": None for line in error.lines})
    if lines:
        raise ConfigError(lines)


def search_paths(config: Path) -> list[Path]:
    """Where a config's own functions may be: beside it, and in the working directory."""
    directories = [config.resolve().parent]
    with contextlib.suppress(OSError):  # the working directory may have been removed
        directories.append(Path.cwd())
    return list(dict.fromkeys(directories))


def resolve(kind: str, keywords: Mapping[str, Any], directories: Sequence[Path] = ()) -> Callable[..., Any]:
    """Import the function named "module:function" and check that it can be called as an objective.

    Args:
        kind: a dotted module and the name of a function in it.
        keywords: the keyword arguments besides `logp`, `old_logp` and `scores`.
        directories: where the module may be, besides Python's search path.

    Returns:
        The function.

    Raises:
        ConfigError: with one line, when there is no such function or it does not take the keywords.
    """
    module_name, _, name = kind.partition(":")
    module = _import(module_name, directories)
    function = getattr(module, name, None)
    if not callable(function):
        # Leave out classes: they are no losses, and many modules import types.
        callables = [
            key
            for key, value in vars(module).items()
            if callable(value) and not inspect.isclass(value) and key[0] != "_"
        ]
        fault = f"{found(name)} is not callable" if hasattr(module, name) else f"there is no {found(name)}"
        raise ConfigError([f"in module {found(module_name)}, {fault}{one_of(name, callables)}"])
    if fault := _signature_fault(function, keywords):
        raise ConfigError([f"{found(kind)} {fault}"])
    return function


def _import(name: str, directories: Sequence[Path]) -> Any:
    try:
        return import_own(name, directories)
    except (ConfigError, Stopped):
        raise
    except BaseException as error:  # a module can raise anything when it is imported, even SystemExit
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{name}.".startswith(f"{missing}."):
            hint = did_you_mean(name, [file.stem for path in directories for file in path.glob("*.py")])
            looked = "looked beside the config, in the working directory and among the installed packages"
            raise ConfigError([f"there is no module {found(name)}{hint}; {looked}"]) from None
        first_line = printable(next(iter(str(error).splitlines()), ""))
        text = f"importing {found(name)} failed: {type(error).__name__}: {first_line}"
        raise ConfigError([text]) from None


def _array_named(name: str) -> str | None:
    """Which of the arrays a parameter of this name is; None if the name does not say.

    >>> [_array_named(name) for name in ("lp", "olp", "reward", "log_probs_old", "x")]
    ['logp', 'old_logp', 'scores', 'old_logp', None]
    """
    words = name.lower().strip("_").split("_")
    old = {"old", "behaviour", "behavior"}
    plain = "".join(word for word in words if word not in {*old, "new", "current"})
    if plain in SCORES:
        return "scores"
    if plain in OLD_LOGPS or (plain in LOGPS and not old.isdisjoint(words)):
        return "old_logp"
    return "logp" if plain in LOGPS else None


def _signature_fault(function: Callable[..., Any], keywords: Mapping[str, Any]) -> str:
    """Why the function cannot be called with the three arrays and the keywords, or an empty string."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ""
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) < len(ARRAYS) and not any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return f"does not take the three arrays {', '.join(ARRAYS)}"
    first = tuple(p.name for p in positional[: len(ARRAYS)])
    if any(_array_named(name) not in (None, array) for name, array in zip(first, ARRAYS, strict=False)):
        return f"takes {', '.join(first)}; expected this order: {', '.join(ARRAYS)}"
    named = [p for p in parameters if p in positional[len(ARRAYS) :] or p.kind == p.KEYWORD_ONLY]
    if not any(p.kind == p.VAR_KEYWORD for p in parameters):
        for key in keywords:
            if key not in [p.name for p in named]:
                return f"takes no keyword {found(key)}{one_of(key, [p.name for p in named])}"
    missing = [p.name for p in named if p.default is p.empty and p.name not in keywords]
    return f"needs the keyword {', '.join(missing)}; set it beside kind" if missing else ""
