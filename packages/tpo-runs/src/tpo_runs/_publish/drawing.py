"""Figures and tables of cells, wherever the cells come from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pydantic import ValidationError
from rich.console import Console

from .._config import figure_name, figure_spec
from .._console import print_line
from .._errors import ConfigError
from .._figures import FIGURES, add_remarks, save_figure
from .._files import write_named_file
from .._paper import compare, paper_table
from .._results import (
    CellResult,
    TextTable,
    markdown_text,
    paired_table,
    samples_table,
    seeds_table,
    summary_table,
)
from .._text import found, one_of

MOST_SEED_ROWS = 40
WIDE = 110
# Columns of the summary that a terminal narrower than that does not show.
LEFT_OUT = ("steps", "IQM", "failed %", "relapsed")


def recorded(results: Sequence[CellResult], metric: str, place: Path) -> list[CellResult]:
    """The cells that have recorded a metric.

    Raises:
        ConfigError: there are cells, but none of them has it. The message begins with `place`.
    """
    shown = [result for result in results if metric in result.metrics]
    if results and not shown:
        known = dict.fromkeys(name for result in results for name in result.metrics)
        fault = f"{place}: metric: the run has not recorded {found(metric)}{one_of(metric, known)}"
        raise ConfigError([f"{fault}; name another with tpo-runs draw OUT --figures CONFIG"])
    return shown


def tables_of(
    results: Sequence[CellResult], threshold: float, metric: str, remarks: Sequence[str] = ()
) -> list[TextTable]:
    """The tables that have rows: summary, all seeds, paired differences, the paper's numbers, answers.

    The remarks are added below the summary.
    """
    summary = summary_table(results, threshold=threshold, metric=metric)
    summary = replace(summary, notes=(*summary.notes, *remarks))
    published = compare(results)
    tables = [summary, seeds_table(results, metric=metric), paired_table(results, metric=metric)]
    tables += [paper_table(published)] if published else []
    return [table for table in (*tables, samples_table(results)) if table.rows]


def write_drawings(
    folder: Path,
    looks: Mapping[str, Any],
    results: Sequence[CellResult],
    tables: Sequence[TextTable],
    console: Console,
) -> list[Path]:
    """Write the figures that `looks` asks for, and the tables as `summary.md`. Returns the files.

    The summary must be the first of the tables. Figures that could not be drawn are named on the console.
    """
    written = []
    for name, figure in figures_of(looks, results):
        if isinstance(figure, ValueError):
            print_line(console, f"{name} is not drawn: {figure}")
        else:
            written += save_figure(figure, folder / name)
    summary = folder / "summary.md"
    folder.mkdir(parents=True, exist_ok=True)
    heading = f"# {markdown_text(looks['title'])}\n\n" if looks["title"] else ""
    # Seconds differ between equal runs; the file must not.
    lasting = [tables[0].without("seconds"), *tables[1:]]
    write_named_file(summary, (heading + "\n".join(table.markdown() for table in lasting)).encode())
    return [*written, summary]


def print_tables(tables: Sequence[TextTable], console: Console) -> None:
    """Print the tables that are not too long, and the summary, which is the first, at the end."""
    summary, *others = tables
    for table in reversed(others):
        if len(table.rows) <= MOST_SEED_ROWS:
            console.print(table.rich())
    console.print((summary if console.width >= WIDE else summary.without(*LEFT_OUT)).rich())


def figures_of(
    looks: Mapping[str, Any], results: Sequence[CellResult]
) -> Iterator[tuple[str, Figure | ValueError]]:
    """The figures that `looks` asks for, by name, each drawn or with the reason why not.

    `looks` has `title`, `figures` and `metric`, as in a run's manifest, and `remarks` to add below figures.
    """
    for entry in looks["figures"]:
        try:
            spec = figure_spec(entry)
        except ValidationError as error:
            # Another version of tpo-runs may have accepted this figure.
            yield "a figure", ValueError(error.errors()[0]["msg"])
            continue
        shown = [result for result in results if spec.methods is None or result.method in spec.methods]
        if not shown:
            continue
        try:
            title, options = spec.title or looks["title"] or None, spec.options(looks.get("metric", "error"))
            figure = FIGURES[spec.kind](shown, title=title, **options)
            add_remarks(figure, looks.get("remarks", ()))
            yield figure_name(spec), figure
        except ValueError as error:
            # Some methods or seeds may not have recorded enough for every figure.
            yield figure_name(spec), error
