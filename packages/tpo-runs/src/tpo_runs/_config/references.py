"""Names in a config that refer to other parts of it: axes of the grid, methods, metrics."""

import math
from collections.abc import Iterator, Sequence

from .._text import did_you_mean, found, one_of, point_label
from .cell import Cell
from .config import SECTIONS, SHARED_SECTIONS, Config, PointSettings, affects_results
from .problems import KeyPath, Problem, unknown_method

MAX_CELLS = 4096


def reference_problems(config: Config) -> list[Problem]:
    """Axes and methods that the grid, `at` and figures name, but that the config does not have."""
    return [*_grid_problems(config), *_point_problems(config), *_figure_problems(config)]


def path_of(axis: str, method: str | int) -> str | None:
    """The path of the key that an axis of the grid sets for a method; None if it sets none.

    >>> path_of("task.horizon", "TPO"), path_of("method.TPO.objective.eta", "TPO")
    ('task.horizon', 'objective.eta')
    >>> path_of("method.TPO.objective.eta", "GRPO"), path_of("setting", "TPO")
    (None, None)
    """
    if axis.startswith("method."):
        own = f"method.{method}."
        return axis.removeprefix(own) if axis.startswith(own) else None
    return axis if "." in axis else None


def _grid_problems(config: Config) -> Iterator[Problem]:
    methods = [method.name for method in config.method]
    # A name without a dot is an axis of the user's own: only `at` says what it changes.
    named = {axis for _, settings in _settings(config) for axis in settings.point if "." not in axis}
    for axis in config.grid.keys() - named:
        path = next(filter(None, (path_of(axis, name) for name in methods)), axis)
        section, _, key = path.partition(".")
        if section == "method":
            yield unknown_method(("grid", axis), axis.split(".")[1], methods)
        elif section not in SECTIONS or not key:
            hint = did_you_mean(axis, _all_paths(config)) or f"; sections: {', '.join(SECTIONS)}"
            yield Problem(("grid", axis), f"expected a path such as 'task.horizon'{hint}")
        elif not affects_results(section, key):
            yield Problem(("grid", axis), "cannot be swept: results do not depend on it")
    count = math.prod(map(len, config.grid.values())) * len(methods)
    if count > MAX_CELLS:
        text = f"makes {count} cells with {len(methods)} methods; at most {MAX_CELLS} are allowed"
        yield Problem(("grid",), text)


def _all_paths(config: Config) -> list[str]:
    tables = [(section, getattr(config, section)) for section in SHARED_SECTIONS]
    for method in config.method:
        tables += [("objective", method.objective), ("rollout", method.rollout)]
    return [f"{section}.{key}" for section, spec in tables for key in type(spec).model_fields]


def _settings(config: Config) -> Iterator[tuple[KeyPath, PointSettings]]:
    """Each table of each `at`, with its path."""
    for path, at in [((), config.at), *((("method", method.name), method.at) for method in config.method)]:
        for i, settings in enumerate(at, 1):
            yield (*path, "at", i), settings


def _point_problems(config: Config) -> Iterator[Problem]:
    methods = [method.name for method in config.method]
    for path, settings in _settings(config):
        yield from (
            _unknown_axis((*path, "point"), x, config) for x in settings.point if x not in config.grid
        )
        names = getattr(settings, "without", ())
        yield from (unknown_method((*path, "without"), x, methods) for x in names if x not in methods)


def unreached_points(config: Config) -> Iterator[Problem]:
    """Values in `at` that the grid does not have, though smoke and the command line may leave values out."""
    for path, settings in _settings(config):
        for axis, value in settings.point.items():
            if axis in config.grid and value not in config.grid[axis]:
                hint = did_you_mean(value, map(str, config.grid[axis])) if isinstance(value, str) else ""
                text = f"{found(value)} is not a value of this axis of the grid{hint}"
                yield Problem((*path, "point", axis), text)


def _unknown_axis(path: KeyPath, axis: str, config: Config) -> Problem:
    return Problem(path, f"{found(axis)} is not an axis of the grid{one_of(axis, config.grid)}")


def _figure_problems(config: Config) -> Iterator[Problem]:
    methods = [method.name for method in config.method]
    for i, figure in enumerate(config.figures, 1):
        axis = getattr(figure, "axis", None)
        if axis is not None and axis not in config.grid:
            yield _unknown_axis(("figures", i, "axis"), axis, config)
        elif "sweep" in (figure, getattr(figure, "kind", "")) and not config.grid:
            yield Problem(("figures", i), "'sweep' needs a [grid], and the config has none")
        names = getattr(figure, "methods", None) or ()
        yield from (unknown_method(("figures", i, "methods"), x, methods) for x in names if x not in methods)


def equal_points(cells: Sequence[Cell]) -> list[Problem]:
    """Points of the grid that are written differently but are equal."""
    seen = set()
    for cell in cells:
        if (point := (cell.method, repr(cell.point))) in seen:
            axes = list(cell.point) if len(cell.point) == 1 else []
            return [Problem(("grid", *axes), f"has the point {point_label(cell.point)} twice")]
        seen.add(point)
    return []


def metric_problems(config: Config, cells: Sequence[Cell]) -> Iterator[Problem]:
    """Metrics that tables or figures show but that no method records, or not every one."""
    wanted = [(("metric",), config.metric, all)]
    for i, figure in enumerate(config.figures, 1):
        metric, names = getattr(figure, "metric", None), getattr(figure, "names", None)
        wanted += [(("figures", i, "metric"), metric, all)] if metric is not None else []
        wanted += [(("figures", i, "names"), name, any) for name in names or ()]
    for path, name, quantifier in wanted:
        if not quantifier(name in cell.metrics for cell in cells):
            allowed = [m for m in cells[0].metrics if quantifier(m in cell.metrics for cell in cells)]
            yield Problem(path, f"{found(name)} is not a metric of this run{one_of(name, allowed)}")
