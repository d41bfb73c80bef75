"""From a config to its cells: each method at each point of the grid."""

import functools
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .._errors import ConfigError
from .._text import did_you_mean, found, one_of, point_label
from .cell import Cell
from .config import SECTIONS, SHARED_SECTIONS, Config, in_identity
from .explain import problems_of
from .fit import mismatches
from .merge import changes_kind, merge, merge_paths, nest
from .problems import MOST_LINES, KeyPath, Problem, Source, lines_of, method_label

MOST_CELLS = 4096
REQUIRED = tuple(name for name in SHARED_SECTIONS if Config.model_fields[name].is_required())
Table = Mapping[str, Any]


def expand(config: Config) -> tuple[Cell, ...]:
    """The cells of a config: for each point of the grid, in file order, one for each method.

    A method's own tables are laid over the config's, and the point over both. Two methods may come to the
    same cell; they share its results.

    Args:
        config: a valid config.

    Returns:
        The cells, points outermost.

    Raises:
        ConfigError: when tables do not fit together, or a grid path does not exist.

    >>> config = Config.model_validate(
    ...     {
    ...         "task": {
    ...             "kind": "tokens",
    ...             "target": "copy",
    ...             "reward": "terminal",
    ...             "horizon": 4,
    ...             "vocab_size": 2,
    ...         },
    ...         "policy": {"kind": "transformer"},
    ...         "optimizer": {"kind": "muon", "learning_rate": 1e-3},
    ...         "schedule": {"steps": 10},
    ...         "method": [
    ...             {
    ...                 "name": "TPO",
    ...                 "objective": {"kind": "tpo"},
    ...                 "rollout": {"kind": "sequence_group", "prompts": 16, "candidates": 8},
    ...             }
    ...         ],
    ...         "grid": {"objective.eta": [0.5, 1]},
    ...     }
    ... )
    >>> [(cell.method, cell.point, cell.objective.eta) for cell in expand(config)]
    [('TPO', {'objective.eta': 0.5}, 0.5), ('TPO', {'objective.eta': 1.0}, 1.0)]
    """
    _, cells, problems = check(config.model_dump())
    if problems:
        raise ConfigError(lines_of(problems, [Source({}, "config")]))
    return cells


def check(raw: Table) -> tuple[Config | None, tuple[Cell, ...], list[Problem]]:
    """Validate a raw config, and each of its cells.

    Returns:
        The config, None where it is wrong by itself; the valid cells; and all problems.
    """
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        config, problems = None, problems_of(error, Config, raw)
        grid: Table = {}
    else:
        problems = [*_grid_problems(config), *_figure_problems(config)]
        grid = {} if problems else config.grid
    cells, of_cells = _cells(raw, grid)
    problems += of_cells
    if config is not None and not problems:
        problems += [*_equal_points(cells), *_metric_problems(config, cells)]
    return config, tuple(cells), problems


def _cells(raw: Table, grid: Table) -> tuple[list[Cell], list[Problem]]:
    """The cells of a raw config, of which any table may be wrong."""
    listed = raw.get("method")
    methods = [
        (method_label(method, i), method)
        for i, method in enumerate(listed if isinstance(listed, Sequence) else ())
        if isinstance(method, Mapping)
    ]
    cells, problems = [], []
    for values in itertools.product(*grid.values()):
        for label, method in methods:
            cell, found_here = _cell(raw, label, method, dict(zip(grid, values, strict=True)))
            problems += found_here
            cells += [cell] if cell else []
        if len(problems) > MOST_LINES:
            break
    return cells, problems


def _cell(raw: Table, label: str | int, method: Table, point: Table) -> tuple[Cell | None, list[Problem]]:
    """Lay a method's tables over the shared ones, the point over both, and validate the result."""
    shared = {section: raw[section] for section in SHARED_SECTIONS if section in raw}
    at_point: dict[str, Any] = {}
    for axis, value in point.items():
        at_point = merge_paths(at_point, nest(axis.split("."), value))
    tables = {}
    for section in SECTIONS:
        layers = [layer[section] for layer in (shared, method, at_point) if section in layer]
        wrong = [layer for layer in layers if not isinstance(layer, Mapping)]
        # A required table that is not there is missing, whatever a method changes in it.
        if layers and (section in raw or section not in REQUIRED):
            tables[section] = wrong[0] if wrong else functools.reduce(merge, layers)
    probes = raw.get("probes", ()) if method.get("probes") is None else method["probes"]
    place = functools.partial(_placed, shared=shared, label=label, method=method, point=point, tables=tables)
    try:
        cell = Cell.model_validate({"method": str(label), "point": point, "probes": probes, **tables})
    except ValidationError as error:
        # A wrong name, wrong probes and missing tables are problems of the config already.
        found_here = problems_of(error, Cell, tables)
        own = [p for p in found_here if p.path[0] in SECTIONS and len(p.path) > p.missing]
        return None, [place(problem) for problem in own]
    if problems := [place(problem) for problem in mismatches(cell)]:
        return None, problems
    # The settled value at each path: 1.0 where the grid says 1.
    settled = {axis: _value_at(cell, axis.split(".")) for axis in point}
    return cell.model_copy(update={"point": settled}), []


def _placed(
    problem: Problem, *, shared: Table, label: str | int, method: Table, point: Table, tables: Table
) -> Problem:
    """The problem of a cell's key, moved to where the config sets the key: the grid, the method, or here."""
    section, *rest = (str(key) for key in problem.path)
    own = method.get(section, {})
    axis = _axis(section, rest, point, tables.get(section, {}))
    if axis:
        needs = "" if not rest or axis == f"{section}.{rest[0]}" else f"{section}.{rest[0]}: "
        who = f"method {found(label)}: " if own else ""
        return _at(problem, ("grid", axis), f"{who}{needs}{problem.text}")
    both = isinstance(own, Mapping) and isinstance(shared.get(section), Mapping)
    changed = both and changes_kind(shared[section], own)
    sets = own and (not rest or not isinstance(own, Mapping) or rest[0] in own)
    if section not in SHARED_SECTIONS or changed or sets:
        return _at(problem, ("method", label, *problem.path))
    return problem


def _at(problem: Problem, path: KeyPath, text: str | None = None) -> Problem:
    return Problem(path, problem.text if text is None else text, problem.missing)


def _axis(section: str, rest: list[str], point: Table, table: Any) -> str | None:
    """The grid path that set the key, or that chose the kind which lacks it."""
    axes = [axis for axis in point if axis.startswith(f"{section}.")]
    if not rest:
        return axes[0] if axes else None
    fits = [axis for axis in axes if axis.split(".")[1] == rest[0]]
    if rest[0] not in table:
        fits += [axis for axis in axes if axis == f"{section}.kind"]
    return fits[0] if fits else None


def _value_at(cell: Cell, path: list[str]) -> Any:
    section, *keys = path
    return functools.reduce(lambda value, key: value[key], keys, getattr(cell, section).model_dump())


def _grid_problems(config: Config) -> list[Problem]:
    problems = []
    for axis in config.grid:
        section, _, key = axis.partition(".")
        if section not in SECTIONS or not key:
            hint = did_you_mean(axis, _all_paths(config)) or f"; sections: {', '.join(SECTIONS)}"
            problems.append(Problem(("grid", axis), f"expected a path such as 'task.horizon'{hint}"))
        elif not in_identity(section, key):
            problems.append(Problem(("grid", axis), "cannot be swept: results do not depend on it"))
    count = math.prod(len(values) for values in config.grid.values()) * len(config.method)
    if count > MOST_CELLS:
        text = f"makes {count} cells with {len(config.method)} methods; the most is {MOST_CELLS}: split it"
        problems.append(Problem(("grid",), text))
    return problems


def _equal_points(cells: Sequence[Cell]) -> list[Problem]:
    """Values of the grid that are written differently but are the same numbers."""
    seen = set()
    for cell in cells:
        if (place := (cell.method, repr(cell.point))) in seen:
            axes = list(cell.point)
            return [
                Problem(("grid", *axes[: len(axes) == 1]), f"has the point {point_label(cell.point)} twice")
            ]
        seen.add(place)
    return []


def _figure_problems(config: Config) -> Iterator[Problem]:
    """Methods and axes that figures show but that the config does not have."""
    known = [method.name for method in config.method]
    for i, figure in enumerate(config.figures):
        axis = getattr(figure, "axis", None)
        if axis is not None and axis not in config.grid:
            text = f"{found(axis)} is not an axis of the grid{one_of(axis, config.grid)}"
            yield Problem(("figures", i + 1, "axis"), text)
        elif "sweep" in (figure, getattr(figure, "kind", "")) and not config.grid:
            yield Problem(("figures", i + 1), "'sweep' needs a [grid] with an axis, and there is none")
        for name in getattr(figure, "methods", None) or ():
            if name not in known:
                text = f"no method is named {found(name)}{one_of(name, known)}"
                yield Problem(("figures", i + 1, "methods"), text)


def _metric_problems(config: Config, cells: Sequence[Cell]) -> list[Problem]:
    """Metrics that tables or figures show but that no method records, or not every one."""
    wanted = [(("metric",), config.metric, all)]
    for i, figure in enumerate(config.figures):
        path = ("figures", i + 1)
        metric, names = getattr(figure, "metric", None), getattr(figure, "names", None)
        wanted += [((*path, "metric"), metric, all)] if metric is not None else []
        wanted += [((*path, "names"), name, any) for name in names or ()]
    problems = []
    for path, name, how_many in wanted:
        if not how_many(name in cell.metrics for cell in cells):
            everywhere = [m for m in cells[0].metrics if how_many(m in cell.metrics for cell in cells)]
            problems.append(
                Problem(path, f"{found(name)} is not a metric of this run{one_of(name, everywhere)}")
            )
    return problems


def _all_paths(config: Config) -> list[str]:
    tables = [(section, getattr(config, section)) for section in SHARED_SECTIONS]
    for method in config.method:
        tables += [("objective", method.objective), ("rollout", method.rollout)]
    return [f"{section}.{key}" for section, spec in tables for key in type(spec).model_fields]
