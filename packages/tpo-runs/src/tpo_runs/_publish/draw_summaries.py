"""Figures and tables of summaries: the store is elsewhere, or seeds were trained in pieces."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .._config import Cell, Config, effective, load_config
from .._console import make_console
from .._errors import ConfigError, as_storage_error
from .._results import CellResult, TextTable, points_on_all_axes, summary_table
from .._store import differences
from .._text import cell_label, counted
from .combine import combine_cells, combine_summaries
from .draw import nonempty_tables, print_tables, write_drawings
from .from_summary import precision_words, published, result_of, summary_of
from .run_differences import run_differences
from .summary import CellRecord, RunSummary, read_summary

MOST_NAMED = 5
Overrides = Sequence[tuple[str, str]]


def draw_summaries(
    paths: Sequence[Path], to: Path | None = None, config: Path | None = None, overrides: Overrides = ()
) -> list[Path]:
    """Draw what summaries hold, with all seeds of each cell, and print the tables.

    Args:
        paths: files that `tpo-runs summarize` wrote.
        to: the folder of the figures; by default that of the first file.
        config: a config that says what is drawn: its cells, as far as a summary has them with these settings,
            under its names, in its figures. Without it, all cells are drawn in the figures of a config that
            asks for none.
        overrides: changes to the config, such as ("task.horizon", "8").

    Returns:
        The files written.

    Raises:
        ConfigError: a file is damaged or is no summary, they do not fit together, cells have one name and
            point, or none of them is one of `config`.
        StorageError: the figures cannot be written.
    """
    summaries = [read_summary(path) for path in paths]
    summary = combine_summaries(summaries)
    console = make_console()
    points = points_on_all_axes([(record.point, record.spec) for record in summary.cells])
    records = [
        record.model_copy(update={"point": point})
        for record, point in zip(summary.cells, points, strict=True)
    ]
    looks = {"title": summary.title, "figures": list(Config.model_fields["figures"].default)}
    if config is not None:
        loaded = load_config(config, overrides=overrides)
        _check_same_measure(summary, loaded.config, config)
        records, missing = _of_config(summary, loaded.cells, config)
        looks = effective(loaded.config)
        if missing:
            line = (
                f"not drawn, since no summary has {'it' if len(missing) == 1 else 'them'}: {_some(missing)}"
            )
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    _check_told_apart(records)
    remarks = () if config else run_differences(summaries)
    results = [result_of(record, summary.metric) for record in records]
    tables = _tables(summary, records, results, remarks)
    folder = to or paths[0].parent
    with as_storage_error(folder, "the summaries are intact; --to names another folder"):
        shown = {**looks, "metric": summary.metric, "remarks": remarks}
        files = write_drawings(folder, shown, results, tables, console)
    print_tables(tables, console)
    return files


def _tables(
    summary: RunSummary, records: Sequence[CellRecord], results: Sequence[CellResult], remarks: Sequence[str]
) -> list[TextTable]:
    """As those of a store, with what was computed from every step taken from the records."""
    pairs = list(zip(records, results, strict=True))
    known = {result: summary_of(record) for record, result in pairs}
    first = summary_table(results, threshold=summary.threshold, metric=summary.metric, known=known)
    first = dataclasses.replace(first, notes=(*first.notes, *precision_words(records), *remarks))
    return nonempty_tables(first, results, published(pairs), summary.metric)


def _check_told_apart(records: Sequence[CellRecord]) -> None:
    label, count = Counter(cell_label(record.method, record.point) for record in records).most_common(1)[0]
    if count > 1:
        fix = "name a config whose grid or methods tell them apart, by --figures CONFIG"
        raise ConfigError([f"the summaries hold {label} in {count} settings; {fix}"])


def _check_same_measure(summary: RunSummary, config: Config, path: Path) -> None:
    there, here = (summary.metric, summary.threshold), (config.metric, config.threshold)
    if there != here:
        raise ConfigError(
            [
                f"{path}: asks for {here[0]} below {here[1]:g}; "
                f"the summaries hold {there[0]} below {there[1]:g}, and nothing else can be drawn from them"
            ]
        )


def _of_config(summary: RunSummary, cells: Sequence[Cell], path: Path) -> tuple[list[CellRecord], list[str]]:
    """The records of a config's cells, under its names, and the labels of those that no summary has."""
    records, missing = [], []
    for cell in cells:
        # Another config may have had another name for the same settings.
        found = [record for record in summary.cells if record.key == cell.key]
        if not found:
            missing.append(cell.label)
            continue
        record = combine_cells(found, summary.metric, summary.threshold)
        records.append(record.model_copy(update={"method": cell.method, "point": dict(cell.point)}))
    if not records:
        fault = f"{path}: none of its {counted(len(cells), 'cell')} is in the summaries"
        raise ConfigError([f"{fault}; {_nearest(summary.cells, cells)}"])
    return records, missing


def _nearest(records: Sequence[CellRecord], cells: Sequence[Cell]) -> str:
    """The cell and the record whose settings differ least, and in what."""
    pairs = ((cell, record) for cell in cells for record in records)
    between = ((dict(differences(record.spec, cell.identity())), cell, record) for cell, record in pairs)
    lines, cell, record = min(between, key=lambda found: len(found[0]))
    changed = "; ".join(f"{key}: {text}" for key, text in lines.items())
    return f"nearest is {cell_label(record.method, record.point)} to {cell.label}: {changed}"


def _some(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MOST_NAMED} more" if len(labels) > MOST_NAMED else ""
    return "; ".join(labels[:MOST_NAMED]) + more
