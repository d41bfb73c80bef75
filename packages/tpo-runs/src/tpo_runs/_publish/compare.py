"""Several runs of the same methods side by side: a table, the settings that differ, and curves."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from .._errors import ConfigError, as_storage_error
from .._figures import learning_curves, save_figure
from .._results import (
    CellResult,
    ComparedCell,
    TextTable,
    compared_table,
    grid_axes,
    match_cells,
    setting_at,
)
from .._text import cell_label, found, one_of, printable
from .reading import read_source
from .run_differences import differing_settings


class Comparison(NamedTuple):
    """What `tpo-runs compare` prints: in which settings the runs differ, a table, and the figure's files."""

    lines: tuple[str, ...]
    table: TextTable
    files: tuple[Path, ...]


def compare_runs(sources: Sequence[Path], *, metric: str | None, figure: Path | None) -> Comparison:
    """Compare the methods that runs share.

    Args:
        sources: output directories of runs, or summaries of them. Differences are from the first one.
        metric: what counts as the error; by default what the runs do.
        figure: where to draw the curves, as PNG and PDF.

    Returns:
        Lines and a table to print, and the files that were written.

    Raises:
        ConfigError: a source is no run, they share no method, or have not recorded the metric.
        StorageError: the figure cannot be written.
    """
    if figure is not None and figure.suffix not in ("", ".png", ".pdf"):
        raise ConfigError([f"{figure}: expected a name that ends in .png or .pdf; both are written"])
    names = _names(sources)
    read = {name: read_source(source) for name, source in zip(names, sources, strict=True)}
    for path, source in zip(sources, read.values(), strict=True):
        if not source.cells:
            raise ConfigError([f"{path}: no block of seeds is complete; run its config to the end first"])
    metric = metric or _shared_metric({name: source.metric for name, source in read.items()})
    runs = _on_shared_axes({name: source.cells for name, source in read.items()})
    for name, cells in runs.items():
        recorded = dict.fromkeys(each for cell in cells for each in cell.metrics)
        if not all(metric in cell.metrics for cell in cells):
            raise ConfigError([f"{name}: has not recorded {found(metric)}{one_of(metric, recorded)}"])
    matched = match_cells(runs)
    if not matched:
        listed = "; ".join(f"{name}: {_methods(cells)}" for name, cells in runs.items())
        fix = "give methods the same name, and runs the same grid points"
        raise ConfigError([f"no method is in two of the runs: {listed}; {fix}"])
    alone = [
        f"{cell_label(cell.method, cell.point)} ({name})"
        for name, cells in runs.items()
        for cell in cells
        if not any(cell in each.runs.values() for each in matched)
    ]
    lines = differing_settings(matched) + ((f"Only one run has: {'; '.join(alone)}.",) if alone else ())
    files = () if figure is None else _draw(matched, metric, figure)
    return Comparison(lines, compared_table(matched, metric=metric), files)


def _names(sources: Sequence[Path]) -> list[str]:
    """A short name for each run: its directory's if these differ, else its path."""
    if len(sources) < 2:
        raise ConfigError(["tpo-runs compare: expected two runs or more, as in tpo-runs compare A B"])
    places = [
        path.parent.parent if path.name == "summary.json" and path.parent.name == "figures" else path
        for path in sources
    ]
    short = [printable(place.resolve().name) for place in places]
    names = short if len(set(short)) == len(short) else [printable(str(place)) for place in places]
    for one, other in itertools.combinations(names, 2):
        if one == other:
            raise ConfigError([f"tpo-runs compare: {one} is there twice; expected different runs"])
    return names


def _shared_metric(metrics: Mapping[str, str]) -> str:
    if len(set(metrics.values())) > 1:
        listed = ", ".join(f"{metric} ({name})" for name, metric in metrics.items())
        raise ConfigError(
            [f"the runs count different metrics as the error: {listed}; choose one with --metric"]
        )
    return next(iter(metrics.values()))


def _on_shared_axes(runs: Mapping[str, Sequence[CellResult]]) -> dict[str, list[CellResult]]:
    """The cells with the values of all axes that vary within a run, from their settings if need be."""
    axes = dict.fromkeys(axis for cells in runs.values() for axis in grid_axes(cells))

    def placed(cell: CellResult) -> CellResult:
        point = {axis: cell.point.get(axis, setting_at(cell.spec, axis)) for axis in axes}
        return replace(cell, point=point)

    return {name: [placed(cell) for cell in cells] for name, cells in runs.items()}


def _methods(cells: Sequence[CellResult]) -> str:
    return ", ".join(dict.fromkeys(cell.method for cell in cells))


def _draw(matched: Sequence[ComparedCell], metric: str, figure: Path) -> tuple[Path, ...]:
    """Draw a line for each run of each method, named by what distinguishes them."""
    several = len({cell.method for cell in matched}) > 1
    lines: list[Any] = [
        replace(result, method=f"{cell.method}, {run}" if several else run)
        for cell in matched
        for run, result in cell.runs.items()
    ]
    title = "" if several else matched[0].method
    with as_storage_error(figure, "--figure names another file"):
        return save_figure(learning_curves(lines, metric=metric, title=title or None), figure)
