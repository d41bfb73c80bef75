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
from .own_modules import forget_changed, import_own

ARRAYS = ("logp", "old_logp", "scores")
# What people call them, without underscores and words such as "old".
LOGPS = ("logp", "logps", "lp", "logprob", "logprobs", "logpi", "logprobabilities")
OLD_LOGPS = ("oldlogp", "oldlogps", "olp", "oldlp", "oldlogprob", "oldlogprobs", "lpold", "logpold")
SCORES = ("score", "scores", "reward", "rewards", "advantage", "advantages", "adv", "advs", "returns")


def check_custom(cells: Iterable[Cell], path: Path) -> None:
    """Resolve every objective of the cells that is a user's own function.

    Args:
        cells: from the config at `path`.
        path: the config; modules are also looked for beside it and in the working directory.

    Raises:
        ConfigError: with one line for each method whose function cannot be used.
    """
    lines = {}
    forget_changed()
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
    """Where a config's own functions may lie: beside it, and in the working directory."""
    directories = [config.resolve().parent]
    with contextlib.suppress(OSError):  # the working directory may have been removed
        directories.append(Path.cwd())
    return list(dict.fromkeys(directories))


def resolve(kind: str, keywords: Mapping[str, Any], directories: Sequence[Path] = ()) -> Callable[..., Any]:
    """Import the function named "module:function" and check that it can be called as an objective.

    Args:
        kind: a dotted module and the name of a function in it.
        keywords: what the function will be given besides `logp`, `old_logp` and `scores`.
        directories: where the module may lie, besides those that Python searches.

    Returns:
        The function.

    Raises:
        ConfigError: with one line, when there is no such function or it does not take the keywords.
    """
    module_name, _, name = kind.partition(":")
    module = _imported(module_name, directories)
    function = getattr(module, name, None)
    if not callable(function):
        # A class is called to make something, not to compute a loss; types are imported by many modules.
        callables = [
            key
            for key, value in vars(module).items()
            if callable(value) and not inspect.isclass(value) and key[0] != "_"
        ]
        fault = f"{found(name)} is not callable" if hasattr(module, name) else f"there is no {found(name)}"
        raise ConfigError([f"in module {found(module_name)}, {fault}{one_of(name, callables)}"])
    if fault := _misfit(function, keywords):
        raise ConfigError([f"{found(kind)} {fault}"])
    return function


def _imported(name: str, directories: Sequence[Path]) -> Any:
    try:
        return import_own(name, directories)
    except (ConfigError, Stopped):
        raise
    except ModuleNotFoundError as error:
        if error.name and f"{name}.".startswith(f"{error.name}."):
            raise ConfigError([f"there is no module {found(name)}{_near(name, directories)}"]) from None
        raise ConfigError([_failure(name, error)]) from None
    except BaseException as error:  # whatever a module does that is imported, such as sys.exit
        raise ConfigError([_failure(name, error)]) from None


def _failure(name: str, error: BaseException) -> str:
    first_line = next(iter(str(error).splitlines()), "")
    return f"importing {found(name)} failed: {type(error).__name__}: {printable(first_line)}"


def _near(name: str, directories: Iterable[Path]) -> str:
    hint = did_you_mean(name, [file.stem for path in directories for file in path.glob("*.py")])
    return f"{hint}; looked beside the config, in the working directory and among the installed packages"


def _meant(name: str) -> str | None:
    """Which of the arrays a parameter is for, by its name; None where it does not tell.

    >>> [_meant(name) for name in ("lp", "olp", "reward", "log_probs_old", "x")]
    ['logp', 'old_logp', 'scores', 'old_logp', None]
    """
    words = name.lower().strip("_").split("_")
    plain = "".join(word for word in words if word not in ("old", "new", "current", "behaviour", "behavior"))
    if plain in SCORES:
        return "scores"
    if plain in OLD_LOGPS or (plain in LOGPS and not {"old", "behaviour", "behavior"}.isdisjoint(words)):
        return "old_logp"
    return "logp" if plain in LOGPS else None


def _misfit(function: Callable[..., Any], keywords: Mapping[str, Any]) -> str:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ""
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) < len(ARRAYS) and not any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return f"does not take the three arrays {', '.join(ARRAYS)}"
    first = tuple(p.name for p in positional[: len(ARRAYS)])
    if any(meant not in (None, array) for meant, array in zip(map(_meant, first), ARRAYS, strict=False)):
        return f"takes {', '.join(first)}; expected this order: {', '.join(ARRAYS)}"
    named = [p for p in parameters if p in positional[len(ARRAYS) :] or p.kind == p.KEYWORD_ONLY]
    if not any(p.kind == p.VAR_KEYWORD for p in parameters):
        for key in keywords:
            if key not in [p.name for p in named]:
                return f"takes no keyword {found(key)}{one_of(key, [p.name for p in named])}"
    lacking = [p.name for p in named if p.default is p.empty and p.name not in keywords]
    return f"needs the keyword {', '.join(lacking)}; set it beside kind" if lacking else ""
