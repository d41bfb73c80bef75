"""The settings in which runs that are drawn together differ, besides those that names and axes show."""

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .._errors import ConfigError
from .._results import CellResult, ComparedCell
from .summary_file import RunSummary

SHARED = ("task", "policy", "optimizer", "schedule")
OF_METHOD = ("objective", "rollout")
EVERY = (*SHARED, *OF_METHOD, "evaluation")
BLOCK = "schedule.block"  # changes only the last bits of numbers
ABSENT = "nothing"


def run_differences(summaries: Sequence[RunSummary]) -> tuple[str, ...]:
    """Describe in which shared settings runs differ, with a line for each key.

    Two runs differ in a key if no method of one has the value of any method of the other. A setting of a
    single method, in one run or in both, is left to the name of the method.

    Raises:
        ConfigError: a method has different settings in two runs.
    """
    axes = {axis for summary in summaries for cell in summary.cells for axis in cell.point}
    for one, other in itertools.combinations(summaries, 2):
        for cell in other.cells:
            _check_same_method(cell, [first for first in one.cells if first.method == cell.method], axes)
    runs = [[(cell.method, _settings(cell, SHARED, axes)) for cell in summary.cells] for summary in summaries]
    lines = []
    for key in dict.fromkeys(key for run in runs for _, settings in run for key in settings):
        values = [{settings.get(key, ABSENT) for _, settings in run} for run in runs]
        if any(one.isdisjoint(other) for one, other in itertools.combinations(values, 2)):
            methods: dict[str, dict[str, None]] = {}
            for method, settings in itertools.chain(*runs):
                methods.setdefault(settings.get(key, ABSENT), {})[method] = None
            words = (f"{value} ({', '.join(names)})" for value, names in methods.items())
            lines.append(f"The runs differ in {key}: {'; '.join(words)}.")
    return tuple(lines)


def differing_settings(cells: Sequence[ComparedCell]) -> tuple[str, ...]:
    """Describe in which settings the same cells of several runs differ, with the value in each run.

    There is a line for each key and its values, with the methods that it is about; one line if there is none.
    """
    methods: dict[str, dict[str, None]] = {}
    for cell in cells:
        runs = {
            run: _settings(result, EVERY, cell.point) | _sources(result) for run, result in cell.runs.items()
        }
        for key in dict.fromkeys(key for settings in runs.values() for key in settings):
            values = {run: settings.get(key, ABSENT) for run, settings in runs.items()}
            if len(set(values.values())) > 1:
                words = "; ".join(f"{value} ({run})" for run, value in values.items())
                methods.setdefault(f"{key}: {words}", {})[cell.method] = None
    if not methods:
        return ("The runs have the same settings.",)
    every = dict.fromkeys(cell.method for cell in cells)
    return tuple(
        f"The runs differ in {line}." if of == every else f"{', '.join(of)}: the runs differ in {line}."
        for line, of in methods.items()
    )


def _sources(cell: CellResult) -> dict[str, str]:
    """The hashes of users' own modules, which are not settings of the config."""
    records = [cell.provenance, *cell.provenance.get("origins", ())]
    return {
        f"the source of {name}": value[:12]
        for record in records
        for name, value in (record.get("objective") or {}).items()
    }


def _check_same_method(cell: CellResult, others: Sequence[CellResult], axes: Collection[str]) -> None:
    """Refuse a cell whose settings differ from those of all others, in more than the grid axes."""
    here = _settings(cell, (*SHARED, *OF_METHOD), axes)
    between = [_differing(_settings(other, (*SHARED, *OF_METHOD), axes), here) for other in others]
    if not between or not (least := min(between, key=len)):
        return
    changed = "; ".join(f"{key} = {one} and {other}" for key, (one, other) in least.items())
    fix = "draw them separately, or choose one with --figures CONFIG"
    raise ConfigError([f"{cell.method} has different settings in two summaries: {changed}; {fix}"])


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    pairs = {key: (one.get(key, ABSENT), other.get(key, ABSENT)) for key in {**one, **other}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _settings(cell: CellResult, sections: Sequence[str], axes: Collection[str]) -> dict[str, str]:
    """Every setting that is not a grid axis, by its path, as text."""
    found: dict[str, str] = {}

    def add(path: str, value: Any) -> None:
        if path in axes or path == BLOCK:
            return
        if isinstance(value, dict):
            for key, item in value.items():
                add(f"{path}.{key}", item)
        elif value is not None:
            found[path] = str(value)

    for section in sections:
        add(section, cell.spec.get(section, {}))
    return found
