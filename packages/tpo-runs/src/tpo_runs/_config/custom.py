"""Users' own objectives, tasks, policies and optimizers, from their names in a config."""

import contextlib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._errors import ConfigError, Stopped
from .._text import did_you_mean, found, one_of, printable
from .cell import Cell
from .config import OWN, SHARED_SECTIONS
from .objective import OwnObjectiveSpec
from .own import OwnSpec
from .own_modules import drop_changed, import_own, source_hashes

# Common names of these parameters, without underscores and words such as "old".
LOGPS = ("logp", "logps", "lp", "logprob", "logprobs", "logpi", "logprobabilities")
OLD_LOGPS = ("oldlogp", "oldlogps", "olp", "oldlp", "oldlogprob", "oldlogprobs", "lpold", "logpold")
SCORES = ("score", "scores", "reward", "rewards", "advantage", "advantages", "adv", "advs", "returns")


def check_custom(cells: Iterable[Cell]) -> None:
    """Import every user's own function and class that the cells of a config name.

    Raises:
        ConfigError: with one line for each that cannot be used.
    """
    lines = {}
    drop_changed()
    for cell in cells:
        for section in OWN:
            try:
                own_part(cell, section)
            except ConfigError as error:
                lines.update({f"{place_of(cell, section)}: {line}": None for line in error.lines})
    if lines:
        raise ConfigError(lines)


def own_part(cell: Cell, section: str) -> Callable[..., Any] | None:
    """The function or class behind the "module:name" kind of a section; None for other kinds.

    Raises:
        ConfigError: with one line, when there is none, or it does not take the keywords.
    """
    spec = getattr(cell, section)
    if not isinstance(spec, OwnSpec):
        return None
    return resolve(spec.kind, spec.keywords, search_paths(cell.config), type(spec))


def sources_of(cell: Cell, *sections: str) -> dict[str, str]:
    """The SHA-256 of the user's modules that a cell names, by module name, in all sections or in these."""
    specs = [getattr(cell, section) for section in sections or OWN]
    modules = [spec.kind.partition(":")[0] for spec in specs if isinstance(spec, OwnSpec)]
    return {name: value for module in modules for name, value in source_hashes(module).items()}


def place_of(cell: Cell, section: str) -> str:
    """The kind of a section in a message."""
    method = "" if section in SHARED_SECTIONS else f"method {found(cell.method)}: "
    return f"{printable(str(cell.config or 'config'))}: {method}{section}.kind"


def search_paths(config: Path | None) -> list[Path]:
    """Where a config's own modules may be: beside it, and in the working directory."""
    directories = [] if config is None else [config.resolve().parent]
    with contextlib.suppress(OSError):  # the working directory may have been removed
        directories.append(Path.cwd())
    return list(dict.fromkeys(directories))


def resolve(
    kind: str,
    keywords: Mapping[str, Any],
    directories: Sequence[Path] = (),
    spec: type[OwnSpec] = OwnObjectiveSpec,
) -> Callable[..., Any]:
    """Import the function or class named "module:name" and check that a run can call it.

    Args:
        kind: a dotted module and a name in it.
        keywords: the keyword arguments in the config.
        directories: where the module may be, besides Python's search path.
        spec: what it is; by default an objective.

    Returns:
        The function or class.

    Raises:
        ConfigError: with one line, when there is none, or it does not take the keywords.
    """
    module_name, _, name = kind.partition(":")
    module = _import(module_name, directories)
    function = getattr(module, name, None)
    if not callable(function):
        callables = [key for key, value in vars(module).items() if _is_choice(key, value, spec, module_name)]
        fault = f"{found(name)} is not callable" if hasattr(module, name) else f"there is no {found(name)}"
        raise ConfigError([f"in module {found(module_name)}, {fault}{one_of(name, callables)}"])
    if fault := _signature_fault(function, {**keywords, **dict.fromkeys(spec.passed)}, spec.arrays):
        raise ConfigError([f"{found(kind)} {fault}"])
    return function


def _is_choice(name: str, value: Any, spec: type[OwnSpec], module: str) -> bool:
    """Whether a value in a module may be what is meant. Classes are no losses, and many are imported."""
    if name[0] == "_" or not callable(value):
        return False
    return not inspect.isclass(value) if spec.arrays else getattr(value, "__module__", "") == module


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


def _signature_fault(function: Callable[..., Any], keywords: Mapping[str, Any], arrays: Sequence[str]) -> str:
    """Why the function cannot be called with the arrays and the keywords, or an empty string."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ""
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) < len(arrays) and not any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return f"does not take the three arrays {', '.join(arrays)}"
    first = tuple(p.name for p in positional[: len(arrays)])
    if any(_array_named(name) not in (None, array) for name, array in zip(first, arrays, strict=False)):
        return f"takes {', '.join(first)}; expected this order: {', '.join(arrays)}"
    named = [p for p in parameters if p in positional[len(arrays) :] or p.kind == p.KEYWORD_ONLY]
    if not any(p.kind == p.VAR_KEYWORD for p in parameters):
        for key in keywords:
            if key not in [p.name for p in named]:
                return f"takes no keyword {found(key)}{one_of(key, [p.name for p in named])}"
    missing = [p.name for p in named if p.default is p.empty and p.name not in keywords]
    return f"needs the keyword {', '.join(missing)}; set it beside kind" if missing else ""
