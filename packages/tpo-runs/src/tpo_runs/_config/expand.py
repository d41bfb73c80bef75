"""From a config to its cells: each method at each point of the grid."""

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from .._errors import ConfigError
from .._text import found
from .candidates import tune_problems
from .cell import Cell
from .config import SECTIONS, SHARED_SECTIONS, Config
from .conflicts import conflicts_in
from .explain import problems_in
from .merge import merge, nest, with_paths
from .problems import MAX_LINES, KeyPath, Problem, Source, format_problems, method_label, sets
from .references import equal_points, metric_problems, path_of, reference_problems

REQUIRED = tuple(name for name in SHARED_SECTIONS if Config.model_fields[name].is_required())
Table = Mapping[str, Any]


def expand(config: Config) -> tuple[Cell, ...]:
    """The cells of a config: for each point of the grid, in file order, one for each method.

    Later tables override earlier ones: the config's own, the method's, those of the config's `at` and of the
    method's `at` for the point, and the values of the grid. Equal cells share their results.

    Args:
        config: a valid config.

    Returns:
        The cells, one point of the grid after another.

    Raises:
        ConfigError: when tables do not work together, or a grid path does not exist.

    >>> rollout = {"kind": "exact_group", "contexts": "all"}
    >>> config = Config.model_validate(
    ...     {
    ...         "task": {"kind": "symmetric_bandit"},
    ...         "policy": {"kind": "logit_table"},
    ...         "optimizer": {"kind": "adam", "learning_rate": 0.1},
    ...         "schedule": {"steps": 10},
    ...         "method": [{"name": "TPO", "objective": {"kind": "tpo"}, "rollout": rollout}],
    ...         "grid": {"objective.eta": [0.5, 1]},
    ...     }
    ... )
    >>> [(cell.method, cell.point, cell.objective.eta) for cell in expand(config)]
    [('TPO', {'objective.eta': 0.5}, 0.5), ('TPO', {'objective.eta': 1.0}, 1.0)]
    """
    _, cells, problems = check(config.model_dump())
    if problems:
        raise ConfigError(format_problems(problems, [Source({}, "config")]))
    return cells


def check(raw: Table) -> tuple[Config | None, tuple[Cell, ...], list[Problem]]:
    """Validate a raw config and each of its cells.

    Returns:
        The config, or None if it is invalid; the valid cells; and all problems.
    """
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        config, problems = None, problems_in(error, raw)
        grid: Table = {}
    else:
        problems = reference_problems(config)
        grid = {} if problems else config.grid
    cells, of_cells = _cells(raw, grid)
    problems += of_cells
    if config is not None and not problems:
        problems += [
            *equal_points(cells),
            *metric_problems(config, cells),
            *tune_problems(config, cells),
        ]
    return config, tuple(cells), problems


def _cells(raw: Table, grid: Table) -> tuple[list[Cell], list[Problem]]:
    """The valid cells of a raw config, in which any table may be invalid, and the problems of the others."""
    listed = raw.get("method")
    methods = [
        (method_label(method, i), method)
        for i, method in enumerate(listed if isinstance(listed, Sequence) else ())
        if isinstance(method, Mapping)
    ]
    cells, problems = [], []
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        shared = _settings_at((), raw, point)
        for label, method in methods:
            if any(_leaves_out(layer.table, label) for layer in shared):
                continue
            cell, of_cell = _cell(raw, label, method, point)
            problems += of_cell
            cells += [cell] if cell else []
        if len(problems) > MAX_LINES:
            break
    return cells, problems


class _Layer(NamedTuple):
    """Sections that override those of the layers before it, and where the config sets them."""

    path: KeyPath
    table: Table


def _cell(raw: Table, label: str | int, method: Table, point: Table) -> tuple[Cell | None, list[Problem]]:
    """Merge the shared tables, the method's own and the point, and validate the result."""
    of_method = ("method", label)
    shared = {key: raw[key] for key in (*SHARED_SECTIONS, "probes") if key in raw}
    layers = [_Layer((), shared), _Layer(of_method, method)]
    layers += [*_settings_at((), raw, point), *_settings_at(of_method, method, point)]
    paths = {axis: path for axis in point if (path := path_of(axis, label))}
    axes = [_Layer(("grid", axis), nest(path.split("."), point[axis])) for axis, path in paths.items()]
    swept = with_paths({}, {path: point[axis] for axis, path in paths.items()})
    tables = {}
    for section in SECTIONS:
        parts = [table[section] for table in (*(layer.table for layer in layers), swept) if section in table]
        wrong = [part for part in parts if not isinstance(part, Mapping)]
        # A method's own keys cannot replace a required table.
        if parts and (section in raw or section not in REQUIRED):
            tables[section] = wrong[0] if wrong else functools.reduce(merge, parts)
    probes = [layer.table["probes"] for layer in layers if layer.table.get("probes") is not None]
    try:
        cell = Cell.model_validate(
            {"method": str(label), "point": point, "probes": probes[-1] if probes else (), **tables}
        )
    except ValidationError as error:
        # An invalid name, invalid probes and missing tables have been reported for the config.
        problems = [
            p for p in problems_in(error, tables) if p.path[0] in SECTIONS and len(p.path) > p.missing
        ]
    else:
        problems = conflicts_in(cell)
        # The values after validation: 1.0 where the grid says 1.
        validated = {axis: _value_at(cell, path.split(".")) for axis, path in paths.items()}
        cell = cell.model_copy(update={"point": {**point, **validated}})
        if not problems:
            return cell, []
    return None, [_placed(problem, layers, axes) for problem in problems]


def _settings_at(path: KeyPath, table: Table, point: Table) -> list[_Layer]:
    """The tables of `at` whose values the point has. Invalid ones are left out."""
    listed = table.get("at")
    return [
        _Layer((*path, "at", i), each)
        for i, each in enumerate(listed if isinstance(listed, Sequence) else (), 1)
        if isinstance(each, Mapping) and _has(point, each.get("point"))
    ]


def _leaves_out(settings: Table, method: str | int) -> bool:
    names = settings.get("without")
    return isinstance(names, Sequence) and method in names


def _has(point: Table, values: Any) -> bool:
    return isinstance(values, Mapping) and all(
        axis in point and point[axis] == value for axis, value in values.items()
    )


def _placed(problem: Problem, layers: Sequence[_Layer], axes: Sequence[_Layer]) -> Problem:
    """A cell's problem at the place where the config sets the key."""
    section, *rest = map(str, problem.path)
    _, method, *_ = layers
    path = _setter(problem.path[:2], [*layers, *axes]).path
    if path[:1] != ("grid",):
        return Problem((*path, *problem.path), problem.text, problem.missing)
    axis = str(path[1])
    key = f"{section}.{rest[0]}" if rest else ""
    lead = f"{key}: " if not axis.endswith(key) else ""
    if method.table.get(section) and not axis.startswith("method."):
        lead = f"method {found(method.path[1])}: {lead}"
    return Problem(path, lead + problem.text, problem.missing)


def _setter(path: KeyPath, layers: Sequence[_Layer]) -> _Layer:
    """The last layer that sets the key at `path`; if none does, the one that chose the table's kind."""
    section = str(path[0])
    layers = [layer for layer in layers if section in layer.table]
    home, kind = 0, None
    for i, layer in enumerate(layers):
        if sets(layer.table, (section, "kind")) and layer.table[section]["kind"] != kind:
            # A new kind drops the keys of the layers before it.
            home, kind = i, layer.table[section]["kind"]
    setting = [layer for layer in layers[home:] if sets(layer.table, path) and layer.table[section]]
    return setting[-1] if setting else layers[home]


def _value_at(cell: Cell, path: list[str]) -> Any:
    section, *keys = path
    return functools.reduce(lambda value, key: value[key], keys, getattr(cell, section).model_dump())
