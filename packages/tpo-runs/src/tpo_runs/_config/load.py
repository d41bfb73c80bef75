"""Load a config file, apply its smoke table and the command line, and check the result."""

import copy
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._errors import ConfigError
from .._text import one_of, printable
from .cell import Cell
from .config import Config
from .expand import check
from .merge import apply_overrides, overrides_without_effect, parse_overrides
from .problems import Problem, Source, format_problems, methods_by_name, unknown_method
from .references import unreached_points
from .smoke import apply_smoke
from .toml import read_toml


@dataclasses.dataclass(frozen=True)
class LoadedConfig:
    """A config that has passed every check.

    Args:
        config: the config after smoke and overrides, with the selected methods only.
        cells: its cells, one for each grid point and method.
        path: the file it came from.
    """

    config: Config
    cells: tuple[Cell, ...]
    path: Path


def load_config(
    path: str | Path | Mapping[str, Any],
    *,
    smoke: bool = False,
    overrides: Iterable[tuple[str, str]] = (),
    methods: str | Sequence[str] | None = None,
) -> LoadedConfig:
    """Read and check a config file. The command line overrides the smoke table, which overrides the file.

    Args:
        path: a TOML file, or its tables as a dictionary.
        smoke: whether to apply the file's smoke table. It is checked in any case.
        overrides: pairs such as ("schedule.steps", "30"), with values in TOML.
        methods: names of the methods to keep, as a list or separated by commas; by default those that smoke
            keeps, or all.

    Returns:
        The config and its cells, in file order.

    Raises:
        ConfigError: with one line for each problem.
    """
    if isinstance(path, Mapping):
        raw, path = copy.deepcopy(dict(path)), Path("config")
    else:
        path = Path(path)
        raw = read_toml(path)
    label = printable(str(path))
    layer = file = _check(raw, [Source(methods_by_name(raw), label)])
    lines = [*file.lines]
    if file.config is not None:
        lines += format_problems(unreached_points(file.config), file.sources)
    if isinstance(raw.get("smoke"), dict):
        short = _with_smoke(file, label)
        lines = [*lines, *short.lines]
        layer = short if smoke else file
    elif smoke and not lines:
        lines = [f"{label}: --smoke needs a [smoke] table, and the config has none"]
    if lines:
        raise ConfigError(dict.fromkeys(lines))
    layer = _with_overrides(layer, tuple(overrides))
    names = layer.selection
    if methods is not None:
        text = methods if isinstance(methods, str) else ",".join(methods)
        names = _split_names(text, layer.method_names())
    config, cells = layer.config, layer.cells
    assert config is not None
    cells = tuple(cell.model_copy(update={"config": path}) for cell in cells)
    if names is not None:
        kept = tuple(method for method in config.method if method.name in names)
        config = config.model_copy(update={"method": kept})
        cells = tuple(cell for cell in cells if cell.method in names)
    return LoadedConfig(config, cells, path)


@dataclasses.dataclass(frozen=True)
class _Checked:
    """A raw config, the sources that it was merged from, and the result of checking it."""

    raw: Mapping[str, Any]
    sources: Sequence[Source]
    config: Config | None
    cells: tuple[Cell, ...]
    lines: Sequence[str]
    selection: Sequence[str] | None = None

    def method_names(self) -> list[str]:
        return [method["name"] for method in self.raw["method"]]


def _check(raw: Mapping[str, Any], sources: Sequence[Source], problems: Iterable[Problem] = ()) -> _Checked:
    config, cells, more = check(raw)
    return _Checked(raw, sources, config, cells, format_problems([*problems, *more], sources))


def _with_smoke(file: _Checked, label: str) -> _Checked:
    merged, names, problems = apply_smoke(file.raw)
    layer = _check(merged, [Source(file.raw["smoke"], label, "smoke."), *file.sources], problems)
    return dataclasses.replace(layer, selection=names)


def _with_overrides(layer: _Checked, overrides: Sequence[tuple[str, str]]) -> _Checked:
    if not overrides:
        return layer
    tree, problems = parse_overrides(overrides, layer.method_names())
    sources = [Source(tree, prefix="--"), *layer.sources]
    if problems:
        raise ConfigError(format_problems(problems, sources[:1]))
    changed = _check(apply_overrides(layer.raw, tree), sources)
    lines = changed.lines or format_problems(overrides_without_effect(changed.raw, tree), sources)
    if lines:
        raise ConfigError(lines)
    return dataclasses.replace(changed, selection=layer.selection)


def _split_names(text: str, known: Sequence[str]) -> list[str]:
    """Split a list of method names at its commas, except at commas inside a known name."""
    names, lines, rest = [], [], text
    while rest:
        matches = [name for name in known if f"{rest},".startswith(f"{name},")]
        name = max(matches, key=len) if matches else rest.partition(",")[0]
        rest = rest[len(name) + 1 :].lstrip()
        names.append(name)
        if not matches:
            lines.append(f"--methods: {unknown_method((), name, known).text}")
    if not names:
        lines = [f"--methods: expected names separated by commas{one_of('', known)}"]
    if lines:
        raise ConfigError(lines)
    return names
