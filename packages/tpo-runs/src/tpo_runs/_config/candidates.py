"""The cells that `[tune]` compares, and those of the run with the values that it has chosen."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from .._text import found
from .cell import Cell
from .config import SECTIONS, Config, affects_results
from .conflicts import conflicts_in
from .explain import problems_in
from .merge import with_paths
from .problems import Problem

# The axis that distinguishes cells with default parameters from those with the chosen ones, and its values.
PARAMETERS, DEFAULT, CHOSEN = "parameters", "default", "chosen"


def is_tuned(config: Config) -> bool:
    """Whether the config lists values to choose from."""
    tune = config.tune
    return bool(tune.space or tune.axes or any(method.tune for method in config.method))


def draws(config: Config) -> list[dict[str, Any]]:
    """The random draws from the space, by dotted path. More samples keep the first ones."""
    tune = config.tune
    generator = random.Random(tune.first_seed)
    shares = [[generator.random() for _ in tune.space] for _ in range(tune.samples if tune.space else 0)]
    ranges = tune.space.items()
    return [{path: r.at(x) for (path, r), x in zip(ranges, row, strict=True)} for row in shares]


def own_axes(config: Config, method: str) -> Mapping[str, Sequence[Any]]:
    """The axes that only this method is tuned on."""
    return next(each.tune for each in config.method if each.name == method)


def candidate(cell: Cell, values: Mapping[str, Any], config: Config) -> Cell:
    """The cell that tries these values, by dotted path, as `[tune]` says.

    Raises:
        ValidationError, ValueError: the cell is not valid with them.
    """
    spec, schedule = config.tune, cell.schedule
    shorter = schedule.model_copy(
        update={
            "steps": max(1, round(spec.share * schedule.steps)),
            "seeds": spec.seeds,
            "first_seed": spec.first_seed,
            "keep_policies": False,
        }
    )
    changed = with_values(cell, values)
    probes = tuple(name for name in cell.probes if name == config.metric)
    point = {**cell.point, **values}
    return changed.model_copy(update={"schedule": shorter, "probes": probes, "point": point})


def with_values(cell: Cell, values: Mapping[str, Any]) -> Cell:
    """The cell with other values, by dotted path.

    Raises:
        ValidationError, ValueError: the cell is not valid with them.
    """
    # Only the sections that change are checked again.
    changing = {path.partition(".")[0] for path in values}
    tables = {**dict(cell), **{section: getattr(cell, section).model_dump() for section in changing}}
    changed = Cell.model_validate(with_paths(tables, values))
    if problems := conflicts_in(changed):
        raise ValueError(problems[0].text)
    return changed


def tune_problems(config: Config, cells: Sequence[Cell]) -> Iterator[Problem]:
    """What is wrong with the tables of values to choose from."""
    if not is_tuned(config):
        return
    own = range(config.tune.first_seed, config.tune.first_seed + config.tune.seeds)
    both = (c.seeds for c in cells if own.start < c.seeds.stop and c.seeds.start < own.stop)
    if seeds := next(both, None):
        text = f"the run uses seeds {seeds.start} to {seeds.stop - 1}; tune on other seeds"
        yield Problem(("tune", "first_seed"), text)
    if PARAMETERS in config.grid:
        yield Problem(("grid", PARAMETERS), "is the axis that [tune] adds; choose another name")
    axes: list[tuple[tuple[str, ...], str, Sequence[Any], str | None]] = [
        (("tune", "space", path), path, [r.low, r.high], None) for path, r in config.tune.space.items()
    ]
    axes += [(("tune", "axes", path), path, values, None) for path, values in config.tune.axes.items()]
    for method in config.method:
        axes += [(("method", method.name, "tune", p), p, v, method.name) for p, v in method.tune.items()]
    for place, path, values, method in axes:
        section, _, key = path.partition(".")
        if section not in SECTIONS:
            yield Problem(place, "expected a path such as 'optimizer.learning_rate'")
        elif key and not affects_results(section, key):
            yield Problem(place, "cannot be tuned: results do not depend on it")
        elif path in config.grid:
            yield Problem(place, "the grid already sweeps it")
        else:
            yield from _value_problems(place, path, values, [c for c in cells if method in (None, c.method)])


def _value_problems(
    place: tuple[str, ...], path: str, values: Sequence[Any], cells: Sequence[Cell]
) -> Iterator[Problem]:
    """The values that are not valid for one of the cells, each once."""
    for value in values:
        for cell in cells:
            try:
                with_values(cell, {path: value})
            except ValidationError as error:
                problems = problems_in(error, {})
                texts = [f"{'.'.join(map(str, each.path))}: {each.text}" for each in problems]
            except ValueError as error:
                texts = [str(error)]
            else:
                continue
            yield Problem(place, f"{found(value)} does not fit method {found(cell.method)}: {texts[0]}")
            break


def widened(values: Sequence[Any], best: Any) -> Any | None:
    """The next value beyond the edge at which the best one is; None if it is inside, or there is none.

    >>> widened([0.001, 0.003, 0.01], 0.01), widened([0.001, 0.003, 0.01], 0.003)
    (0.03333, None)
    """
    if len(values) < 3 or not all(type(value) in (int, float) and value > 0 for value in values):
        return None
    ordered = sorted(values)
    edges = {ordered[0]: ordered[1], ordered[-1]: ordered[-2]}
    return float(f"{best * best / edges[best]:.4g}") if best in edges else None
