"""From a config to its cells: each method at each point of the grid."""

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .._errors import ConfigError
from .._text import did_you_mean, found, one_of, point_label
from .candidates import tune_problems
from .cell import Cell
from .config import SECTIONS, SHARED_SECTIONS, Config, PointSettings, affects_results
from .conflicts import conflicts_in
from .explain import problems_in
from .merge import changes_kind, merge, nest
from .problems import MAX_LINES, Problem, Source, format_problems, method_label

MAX_CELLS = 4096
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
        problems = [*_grid_problems(config), *_figure_problems(config)]
        grid = {} if problems else config.grid
    cells, of_cells = _cells(raw, grid)
    problems += of_cells
    if config is not None and not problems:
        problems += [*_equal_points(cells), *_metric_problems(config, cells), *tune_problems(config, cells)]
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
        at = [table for _, table in _settings_at(raw, point)]
        for label, method in methods:
            if any(_leaves_out(table, label) for table in at):
                continue
            cell, of_cell = _cell(raw, label, method, point)
            problems += of_cell
            cells += [cell] if cell else []
        if len(problems) > MAX_LINES:
            break
    return cells, problems


def _cell(raw: Table, label: str | int, method: Table, point: Table) -> tuple[Cell | None, list[Problem]]:
    """Merge the shared tables, the method's own and the point, and validate the result."""
    shared = {section: raw[section] for section in SHARED_SECTIONS if section in raw}
    at = [table for _, table in (*_settings_at(raw, point), *_settings_at(method, point))]
    paths = {axis: path for axis in point if (path := _path_of(axis, label))}
    at_point: dict[str, Any] = {}
    for axis, path in paths.items():
        at_point = merge(at_point, nest(path.split("."), point[axis]), by_kind=False)
    tables = {}
    for section in SECTIONS:
        layers = (shared, method, *at, at_point)
        layers = [layer[section] for layer in layers if section in layer]
        wrong = [layer for layer in layers if not isinstance(layer, Mapping)]
        # A method's own keys cannot replace a required table.
        if layers and (section in raw or section not in REQUIRED):
            tables[section] = wrong[0] if wrong else functools.reduce(merge, layers)
    probes = raw.get("probes", ()) if method.get("probes") is None else method["probes"]
    place = functools.partial(
        _place, raw=raw, label=label, method=method, point=point, paths=paths, tables=tables
    )
    try:
        cell = Cell.model_validate({"method": str(label), "point": point, "probes": probes, **tables})
    except ValidationError as error:
        # An invalid name, invalid probes and missing tables have been reported for the config.
        own = [p for p in problems_in(error, tables) if p.path[0] in SECTIONS and len(p.path) > p.missing]
        return None, [place(problem) for problem in own]
    if problems := [place(problem) for problem in conflicts_in(cell)]:
        return None, problems
    # The values after validation: 1.0 where the grid says 1.
    validated = {axis: _value_at(cell, path.split(".")) for axis, path in paths.items()}
    return cell.model_copy(update={"point": {**point, **validated}}), []


def _path_of(axis: str, method: str | int) -> str | None:
    """The path of the key that an axis of the grid sets for a method; None if it sets none.

    >>> _path_of("task.horizon", "TPO"), _path_of("method.TPO.objective.eta", "TPO")
    ('task.horizon', 'objective.eta')
    >>> _path_of("method.TPO.objective.eta", "GRPO"), _path_of("setting", "TPO")
    (None, None)
    """
    if axis.startswith("method."):
        own = f"method.{method}."
        return axis.removeprefix(own) if axis.startswith(own) else None
    return axis if "." in axis else None


def _settings_at(table: Table, point: Table) -> list[tuple[int, Table]]:
    """The tables of `at`, and their numbers from 1, whose values the point has. Invalid ones are left out."""
    listed = table.get("at")
    tables = enumerate(listed if isinstance(listed, Sequence) else (), 1)
    return [(i, each) for i, each in tables if isinstance(each, Mapping) and _has(point, each.get("point"))]


def _leaves_out(settings: Table, method: str | int) -> bool:
    names = settings.get("without")
    return isinstance(names, Sequence) and method in names


def _has(point: Table, values: Any) -> bool:
    return isinstance(values, Mapping) and all(
        axis in point and point[axis] == value for axis, value in values.items()
    )


def _place(
    problem: Problem,
    *,
    raw: Table,
    label: str | int,
    method: Table,
    point: Table,
    paths: Mapping[str, str],
    tables: Table,
) -> Problem:
    """Move a cell's problem to where the config sets the key: the grid, an `at`, the method, or a section."""
    section, *rest = (str(key) for key in problem.path)
    own = method.get(section, {})
    axis = _axis(section, rest, paths, tables.get(section, {}))
    if axis:
        key = "" if not rest or paths[axis] == f"{section}.{rest[0]}" else f"{section}.{rest[0]}: "
        who = f"method {found(label)}: " if own and axis == paths[axis] else ""
        return Problem(("grid", axis), f"{who}{key}{problem.text}", problem.missing)
    for path, settings in ((("method", label), method), ((), raw)):
        for i, table in reversed(_settings_at(settings, point)):
            of_section = table.get(section, {})
            if of_section and (not rest or not isinstance(of_section, Mapping) or rest[0] in of_section):
                return Problem((*path, "at", i, *problem.path), problem.text, problem.missing)
    both = isinstance(own, Mapping) and isinstance(raw.get(section), Mapping)
    changed = both and changes_kind(raw[section], own)
    sets = own and (not rest or not isinstance(own, Mapping) or rest[0] in own)
    if section not in SHARED_SECTIONS or changed or sets:
        return Problem(("method", label, *problem.path), problem.text, problem.missing)
    return problem


def _axis(section: str, rest: list[str], paths: Mapping[str, str], table: Any) -> str | None:
    """The axis that set the key, or that chose the kind in which the key is missing."""
    axes = [axis for axis, path in paths.items() if path.startswith(f"{section}.")]
    if rest:
        lacks_key = rest[0] not in table
        setters = [axis for axis in axes if paths[axis].split(".")[1] == rest[0]]
        axes = setters + [axis for axis in axes if lacks_key and paths[axis] == f"{section}.kind"]
    return axes[0] if axes else None


def _value_at(cell: Cell, path: list[str]) -> Any:
    section, *keys = path
    return functools.reduce(lambda value, key: value[key], keys, getattr(cell, section).model_dump())


def _grid_problems(config: Config) -> Iterator[Problem]:
    lists = _settings_lists(config)
    # A name without a dot is an axis of the user's own: only `at` says what it changes.
    named = {axis for _, at in lists for settings in at for axis in settings.point if "." not in axis}
    for axis in config.grid:
        of_methods = (_path_of(axis, method.name) for method in config.method)
        path = next(filter(None, of_methods), axis)
        section, _, key = path.partition(".")
        if axis in named:
            continue
        if section == "method":
            name, known = axis.split(".")[1], [method.name for method in config.method]
            yield Problem(("grid", axis), f"no method is named {found(name)}{one_of(name, known)}")
        elif section not in SECTIONS or not key:
            hint = did_you_mean(axis, _all_paths(config)) or f"; sections: {', '.join(SECTIONS)}"
            yield Problem(("grid", axis), f"expected a path such as 'task.horizon'{hint}")
        elif not affects_results(section, key):
            yield Problem(("grid", axis), "cannot be swept: results do not depend on it")
    for path, at in lists:
        for i, settings in enumerate(at, 1):
            for axis in settings.point:
                if axis not in config.grid:
                    text = f"{found(axis)} is not an axis of the grid{one_of(axis, config.grid)}"
                    yield Problem((*path, "at", i, "point"), text)
    yield from _method_problems(config)
    count = math.prod(map(len, config.grid.values())) * len(config.method)
    if count > MAX_CELLS:
        text = f"makes {count} cells with {len(config.method)} methods; at most {MAX_CELLS} are allowed"
        yield Problem(("grid",), text)


def unreached_points(config: Config) -> Iterator[Problem]:
    """Values in `at` that the grid does not have, though smoke and the command line may leave values out."""
    for path, at in _settings_lists(config):
        for i, settings in enumerate(at, 1):
            for axis, value in settings.point.items():
                if axis in config.grid and value not in config.grid[axis]:
                    hint = did_you_mean(value, map(str, config.grid[axis])) if isinstance(value, str) else ""
                    text = f"{found(value)} is not a value of this axis of the grid{hint}"
                    yield Problem((*path, "at", i, "point", axis), text)


def _settings_lists(config: Config) -> list[tuple[tuple[str, ...], Sequence[PointSettings]]]:
    """Each `at` with the path of the table that holds it."""
    return [((), config.at), *((("method", method.name), method.at) for method in config.method)]


def _method_problems(config: Config) -> Iterator[Problem]:
    """Methods that an `at` names but that the config does not have."""
    known = [method.name for method in config.method]
    for i, settings in enumerate(config.at, 1):
        for name in settings.without:
            if name not in known:
                text = f"no method is named {found(name)}{one_of(name, known)}"
                yield Problem(("at", i, "without"), text)


def _equal_points(cells: Sequence[Cell]) -> list[Problem]:
    """Points of the grid that are written differently but are equal."""
    seen = set()
    for cell in cells:
        if (point := (cell.method, repr(cell.point))) in seen:
            axes = list(cell.point) if len(cell.point) == 1 else []
            return [Problem(("grid", *axes), f"has the point {point_label(cell.point)} twice")]
        seen.add(point)
    return []


def _figure_problems(config: Config) -> Iterator[Problem]:
    """Methods and axes that figures name but that the config does not have."""
    known = [method.name for method in config.method]
    for i, figure in enumerate(config.figures):
        axis = getattr(figure, "axis", None)
        if axis is not None and axis not in config.grid:
            text = f"{found(axis)} is not an axis of the grid{one_of(axis, config.grid)}"
            yield Problem(("figures", i + 1, "axis"), text)
        elif "sweep" in (figure, getattr(figure, "kind", "")) and not config.grid:
            yield Problem(("figures", i + 1), "'sweep' needs a [grid], and the config has none")
        for name in getattr(figure, "methods", None) or ():
            if name not in known:
                text = f"no method is named {found(name)}{one_of(name, known)}"
                yield Problem(("figures", i + 1, "methods"), text)


def _metric_problems(config: Config, cells: Sequence[Cell]) -> Iterator[Problem]:
    """Metrics that tables or figures show but that no method records, or not every one."""
    wanted = [(("metric",), config.metric, all)]
    for i, figure in enumerate(config.figures):
        path = ("figures", i + 1)
        metric, names = getattr(figure, "metric", None), getattr(figure, "names", None)
        wanted += [((*path, "metric"), metric, all)] if metric is not None else []
        wanted += [((*path, "names"), name, any) for name in names or ()]
    for path, name, quantifier in wanted:
        if not quantifier(name in cell.metrics for cell in cells):
            allowed = [m for m in cells[0].metrics if quantifier(m in cell.metrics for cell in cells)]
            yield Problem(path, f"{found(name)} is not a metric of this run{one_of(name, allowed)}")


def _all_paths(config: Config) -> list[str]:
    tables = [(section, getattr(config, section)) for section in SHARED_SECTIONS]
    for method in config.method:
        tables += [("objective", method.objective), ("rollout", method.rollout)]
    return [f"{section}.{key}" for section, spec in tables for key in type(spec).model_fields]
