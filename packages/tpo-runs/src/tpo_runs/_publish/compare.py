"""Several runs of the same methods side by side: a table, the settings that differ, and curves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from .._errors import ConfigError, as_storage_error
from .._figures import learning_curves, save_figure
from .._results import CellResult, ComparedCell, TextTable, compared_table, grid_axes, match_cells, on_axes
from .._text import cell_label, found, one_of, printable
from .run_differences import differing_settings
from .sources import read_run


class Comparison(NamedTuple):
    """What `tpo-runs compare` prints: in which settings the runs differ, a table, and the figure's files."""

    lines: tuple[str, ...]
    table: TextTable
    files: tuple[Path, ...]


def compare_runs(sources: Sequence[Path], *, metric: str | None, figure: Path | None) -> Comparison:
    """Compare the methods that runs share, each run with the first one.

    Args:
        sources: output directories of runs, or summaries of them.
        metric: what counts as the error; by default what the runs do.
        figure: where to draw the curves, as PNG and PDF.

    Raises:
        ConfigError: a source is no run, they share no method, or have not recorded the metric.
        StorageError: the figure cannot be written.
    """
    if figure is not None and figure.suffix not in ("", ".png", ".pdf"):
        raise ConfigError([f"{figure}: expected a name that ends in .png or .pdf; both are written"])
    read = {name: read_run(path) for name, path in _named(sources).items()}
    for path, run in zip(sources, read.values(), strict=True):
        if not run.cells:
            raise ConfigError([f"{path}: no block of seeds is complete; run its config to the end first"])
    metric = metric or _shared_metric({name: run.metric for name, run in read.items()})
    axes = dict.fromkeys(axis for run in read.values() for axis in grid_axes(run.cells))
    runs = {name: on_axes(run.cells, axes) for name, run in read.items()}
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


def _named(sources: Sequence[Path]) -> dict[str, Path]:
    """The sources by a short name: that of the run's directory if these differ, else the path."""
    if len(sources) < 2:
        raise ConfigError(["tpo-runs compare: expected two runs or more, as in tpo-runs compare A B"])
    places = [path.parents[1] if path.parts[-2:] == ("figures", "summary.json") else path for path in sources]
    names = [printable(place.resolve().name) for place in places]
    if len(set(names)) < len(names):
        names = [printable(str(place)) for place in places]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise ConfigError([f"tpo-runs compare: {name} is there twice; expected different runs"])
    return dict(zip(names, sources, strict=True))


def _shared_metric(metrics: Mapping[str, str]) -> str:
    if len(set(metrics.values())) > 1:
        listed = ", ".join(f"{metric} ({name})" for name, metric in metrics.items())
        fault = f"the runs count different metrics as the error: {listed}"
        raise ConfigError([f"{fault}; choose one with --metric"])
    return next(iter(metrics.values()))


def _methods(cells: Sequence[CellResult]) -> str:
    return ", ".join(dict.fromkeys(cell.method for cell in cells))


def _draw(matched: Sequence[ComparedCell], metric: str, figure: Path) -> tuple[Path, ...]:
    """Draw a line for each run of each method, named by what distinguishes them."""
    several = len({cell.method for cell in matched}) > 1
    lines = [
        replace(result, method=f"{cell.method}, {run}" if several else run)
        for cell in matched
        for run, result in cell.runs.items()
    ]
    title = None if several else matched[0].method
    with as_storage_error(figure, "--figure names another file"):
        return save_figure(learning_curves(lines, metric=metric, title=title), figure)
