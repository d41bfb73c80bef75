"""From a config to its cells: each method at each point of the grid."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ._cell_checks import mismatches
from ._cells import Cell
from ._config_error import ConfigError
from ._overrides import changes_kind, merge, merge_paths, nest
from ._problems import MOST_LINES, Problem, Source, lines_of
from ._pydantic_errors import parse_or_explain
from ._specs import SECTIONS, SHARED_SECTIONS, Config, in_identity
from ._wording import did_you_mean, found, one_of

MOST_CELLS = 4096


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
    cells, problems = expand_or_explain(config)
    if problems:
        raise ConfigError(lines_of(problems, [Source({}, "config")]))
    return cells


def expand_or_explain(config: Config) -> tuple[tuple[Cell, ...], list[Problem]]:
    """Like `expand`, with the problems returned."""
    problems = [*_grid_problems(config), *_figure_problems(config)]
    if problems:
        return (), problems
    shared = {section: getattr(config, section).model_dump() for section in SHARED_SECTIONS}
    methods = [method.model_dump() for method in config.method]
    cells = []
    for point in _points(config.grid):
        for method in methods:
            attempt = _Attempt(shared, method, point)
            cell, found_here = attempt.settle(config.probes if method["probes"] is None else method["probes"])
            problems += found_here
            cells += [cell] if cell else []
        if len(problems) > MOST_LINES:
            break
    problems = problems or _metric_problems(config, cells)
    return tuple(cells), problems


def _points(grid: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    return (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))


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


@dataclasses.dataclass(frozen=True)
class _Attempt:
    """The raw tables that one cell is made of, and which of them set what."""

    shared: Mapping[str, Any]
    method: Mapping[str, Any]
    point: Mapping[str, Any]

    def settle(self, probes: tuple[str, ...]) -> tuple[Cell | None, list[Problem]]:
        """The cell, or what is wrong with it."""
        at_point: dict[str, Any] = {}
        for axis, value in self.point.items():
            at_point = merge_paths(at_point, nest(axis.split("."), value))
        specs: dict[str, Any] = {}
        problems = []
        for section in SECTIONS:
            table = merge(self.shared.get(section, {}), self.method[section])
            table = merge(table, at_point.get(section, {}))
            specs[section], found_here = parse_or_explain(section, table, (section,))
            problems += [self._placed(problem, table) for problem in found_here]
        if problems:
            return None, problems
        point = {axis: _value_at(specs, axis.split(".")) for axis in self.point}
        cell = Cell(method=self.method["name"], point=point, probes=probes, **specs)
        tables = {section: spec.model_dump() for section, spec in specs.items()}
        problems = [self._placed(p, tables[str(p.path[0])]) for p in mismatches(cell)]
        return (None if problems else cell), problems

    def _placed(self, problem: Problem, table: Mapping[str, Any]) -> Problem:
        """The problem of a settled table, moved to where its key was set."""
        section, *rest = (str(key) for key in problem.path)
        own = self.method[section]
        of_method = section not in self.shared
        axis = self._axis(section, rest, table)
        if axis:
            name = found(self.method["name"])
            needs = "" if not rest or axis == f"{section}.{rest[0]}" else f"{section}.{rest[0]}: "
            who = f"method {name}: " if of_method or own else ""
            return dataclasses.replace(problem, path=("grid", axis), text=f"{who}{needs}{problem.text}")
        changed = changes_kind(self.shared.get(section, {}), own)
        if of_method or changed or (rest[0] in own if rest else own):
            return dataclasses.replace(problem, path=("method", self.method["name"], *problem.path))
        return problem

    def _axis(self, section: str, rest: list[str], table: Mapping[str, Any]) -> str | None:
        """The grid path that set the key, or that chose the kind which lacks it."""
        axes = [axis for axis in self.point if axis.startswith(f"{section}.")]
        if not rest:
            return axes[0] if axes else None
        fits = [axis for axis in axes if axis.split(".")[1] == rest[0]]
        if rest[0] not in table:
            fits += [axis for axis in axes if axis == f"{section}.kind"]
        return fits[0] if fits else None


def _value_at(specs: Mapping[str, Any], path: list[str]) -> Any:
    """The settled value at a grid path, such as 1.0 where the grid says 1."""
    section, *keys = path
    value = specs[section].model_dump()
    for key in keys:
        value = value[key]
    return value
