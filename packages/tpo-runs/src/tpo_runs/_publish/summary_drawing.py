"""Figures and tables of summaries: the store is elsewhere, or seeds were trained in several runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._config import PARAMETERS, Cell, Config, effective, is_tuned, key_of, load_config
from .._console import make_console, print_line
from .._errors import ConfigError, as_storage_error
from .._results import CellResult, on_all_axes
from .._store import differences
from .._text import cell_label, counted
from .combine import combine_cells, combine_summaries
from .drawing import print_tables, tables_of, write_drawings
from .run_differences import run_differences
from .summary_file import RunSummary, read_summary

MOST_NAMED = 5
Overrides = Sequence[tuple[str, str]]


def draw_summaries(
    paths: Sequence[Path], to: Path | None = None, config: Path | None = None, overrides: Overrides = ()
) -> list[Path]:
    """Draw the cells of summaries, each with all of its seeds, and print the tables. Returns the files.

    Args:
        paths: files that `tpo-runs summarize` wrote.
        to: the folder for the figures; by default that of the first file.
        config: a config whose cells are drawn, with its names and figures, as far as a summary has them with
            the same settings. Without it, all cells are drawn in the default figures.
        overrides: changes to the config, such as ("task.horizon", "8").

    Raises:
        ConfigError: a file is damaged or no summary, the files cannot be combined, two cells have the same
            name and grid point, or none is a cell of `config`.
        StorageError: the figures cannot be written.
    """
    summaries = [read_summary(path) for path in paths]
    summary = combine_summaries(summaries)
    console = make_console()
    results, remarks = on_all_axes(summary.cells), ()
    looks = {"title": summary.title, "figures": list(Config.model_fields["figures"].default)}
    if config is None:
        _check_distinct(results)
        remarks = run_differences(summaries)
    else:
        loaded = load_config(config, overrides=overrides)
        _check_same_measure(summary, loaded.config, config)
        if is_tuned(loaded.config):
            every = [cell for each in summaries for cell in each.cells]
            results, missing = _of_tuned_config(every, loaded.cells)
        else:
            results, missing = _of_config(summary.cells, loaded.cells)
        if not results:
            fault = f"{config}: none of its {counted(len(loaded.cells), 'cell')} is in the summaries"
            raise ConfigError([f"{fault}; {_nearest(summary.cells, loaded.cells)}"])
        looks = effective(loaded.config)
        if missing:
            more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
            them = "it" if len(missing) == 1 else "them"
            names = f"{'; '.join(missing[:MOST_NAMED])}{more}"
            print_line(console, f"not drawn, because no summary has {them}: {names}")
    tables = tables_of(results, summary.threshold, summary.metric, remarks)
    folder = to or paths[0].parent
    with as_storage_error(folder, "the summaries are intact; --to names another folder"):
        shown = {**looks, "metric": summary.metric, "remarks": remarks}
        files = write_drawings(folder, shown, results, tables, console)
    print_tables(tables, console)
    return files


def _check_distinct(results: Sequence[CellResult]) -> None:
    label, count = Counter(cell_label(cell.method, cell.point) for cell in results).most_common(1)[0]
    if count > 1:
        fix = "give --figures CONFIG, a config whose grid or method names distinguish them"
        raise ConfigError([f"the summaries hold {label} in {count} settings; {fix}"])


def _check_same_measure(summary: RunSummary, config: Config, path: Path) -> None:
    there, here = (summary.metric, summary.threshold), (config.metric, config.threshold)
    if there != here:
        asked, held = f"{here[0]} below {here[1]:g}", f"{there[0]} below {there[1]:g}"
        fix = "set metric and threshold to these"
        raise ConfigError([f"{path}: asks for {asked}; the summaries hold only {held}; {fix}"])


def _of_config(results: Sequence[CellResult], cells: Sequence[Cell]) -> tuple[list[CellResult], list[str]]:
    """The results of a config's cells, with its names, and the labels of cells without a result."""
    found, missing = [], []
    for cell in cells:
        # Another config may have given the same settings another name.
        same = [result for result in results if key_of(result.spec) == cell.key]
        if same:
            found.append(replace(combine_cells(same), method=cell.method, point=dict(cell.point)))
        else:
            missing.append(cell.label)
    return found, missing


def _of_tuned_config(
    results: Sequence[CellResult], cells: Sequence[Cell]
) -> tuple[list[CellResult], list[str]]:
    """As `_of_config`, by method and grid point, since a config does not hold the values that runs choose.

    Cells with the chosen parameters and with the default ones may be equal. Both are kept.
    """
    found, missing = [], []
    for cell in cells:
        by_parameters: dict[Any, list[CellResult]] = {}
        for result in results:
            point = dict(result.point)
            parameters = point.pop(PARAMETERS, None)
            if (result.method, point) == (cell.method, cell.point):
                by_parameters.setdefault(parameters, []).append(result)
        found += [combine_cells(same) for same in by_parameters.values()]
        missing += [] if by_parameters else [cell.label]
    return found, missing


def _nearest(results: Sequence[CellResult], cells: Sequence[Cell]) -> str:
    """The cell and the result whose settings differ least, and how they differ."""
    pairs = ((cell, result) for cell in cells for result in results)
    between = ((dict(differences(result.spec, cell.identity())), cell, result) for cell, result in pairs)
    lines, cell, result = min(between, key=lambda pair: len(pair[0]))
    changed = "; ".join(f"{key}: {text}" for key, text in lines.items())
    return f"nearest is {cell_label(result.method, result.point)} to {cell.label}: {changed}"
