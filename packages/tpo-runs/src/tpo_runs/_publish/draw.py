"""Figures and tables of a finished or unfinished run, as functions of its store."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pydantic import ValidationError
from rich.console import Console

from .._config import figure_name, figure_spec
from .._errors import ConfigError
from .._figures import FIGURES, add_remarks, save_figure
from .._files import SUMS, damage, sums, write_file, write_named_file
from .._paper import PaperComparison, compare, paper_table
from .._results import (
    CellResult,
    TextTable,
    markdown_text,
    paired_table,
    seeds_table,
    summarize_cell,
    summary_table,
)
from .._store import MANIFEST, Store
from .._text import cell_label, found, one_of

MOST_SEED_ROWS = 40
WIDE = 110
# What the summary leaves out on a terminal that is narrower than that.
SPARED = ("steps", "IQM", "failed %", "relapsed")


def draw(store: Store, console: Console, *, tables: bool = True) -> list[Path]:
    """Write the run's figures and tables below `store.figures`, and print the tables.

    Nothing is trained: everything is read from the store. `summary.md` holds all tables, the terminal shows
    those that fit, the summary at the end.

    Args:
        store: the results.
        console: where to print what could not be drawn, and the tables.
        tables: whether to print the tables.

    Returns:
        The files written.
    """
    manifest, every = store.manifest(), store.results()
    if not every:
        return []
    results = having(every, manifest.get("metric", "error"), store.root / MANIFEST)
    if left := [cell_label(result.method, result.point) for result in every if result not in results]:
        line = f"not drawn, since they have not recorded {manifest['metric']!r}: {'; '.join(left)}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for line in damage(store.figures) if (store.figures / SUMS).exists() else ():
        console.print(f"{line}; drawn again", highlight=False, markup=False, soft_wrap=True)
    (store.figures / SUMS).unlink(missing_ok=True)
    shown = tables_of(results, manifest["threshold"], manifest.get("metric", "error"))
    written = write_drawings(store.figures, manifest, results, shown, console)
    write_file(store.figures / SUMS, sums(store.figures, [path.name for path in written]).encode())
    if tables:
        print_tables(shown, console)
    return written


def having(results: Sequence[CellResult], metric: str, place: Path) -> list[CellResult]:
    """The cells that have recorded what tables and figures show.

    Args:
        results: the cells.
        metric: what is shown.
        place: the file that names the metric.

    Raises:
        ConfigError: there are cells, but none of them has it.
    """
    shown = [result for result in results if metric in result.metrics]
    if results and not shown:
        known = dict.fromkeys(name for result in results for name in result.metrics)
        fix = "name another by tpo-runs draw OUT --figures CONFIG"
        raise ConfigError(
            [f"{place}: metric: the run has not recorded {found(metric)}{one_of(metric, known)}; {fix}"]
        )
    return shown


def write_drawings(
    folder: Path,
    looks: Mapping[str, Any],
    results: Sequence[CellResult],
    tables: Sequence[TextTable],
    console: Console,
) -> list[Path]:
    """Write figures, and tables as `summary.md`.

    Args:
        folder: where to; it is made if needed.
        looks: `title`, `figures` and `metric`, as in a run's manifest, and `remarks` to add below figures.
        results: the cells that are drawn.
        tables: of them, the summary first.
        console: where to print what could not be drawn.

    Returns:
        The files written.
    """
    written = []
    for name, figure in figures_of(looks, results):
        if isinstance(figure, ValueError):
            console.print(f"{name} is not drawn: {figure}", highlight=False, soft_wrap=True)
        else:
            written += save_figure(figure, folder / name)
    summary = folder / "summary.md"
    folder.mkdir(parents=True, exist_ok=True)
    heading = f"# {markdown_text(looks['title'])}\n\n" if looks["title"] else ""
    # What took how long differs from run to run; the file does not.
    timeless = [tables[0].without("seconds"), *tables[1:]]
    write_named_file(summary, (heading + "\n".join(table.markdown() for table in timeless)).encode())
    return [*written, summary]


def print_tables(tables: Sequence[TextTable], console: Console) -> None:
    """Print the tables that fit, the summary, which is the first, at the end."""
    # On a terminal, what comes last is what is seen.
    for table in reversed(tables):
        if len(table.rows) <= MOST_SEED_ROWS or table is tables[0]:
            fits = table is not tables[0] or console.width >= WIDE
            console.print((table if fits else table.without(*SPARED)).rich())


def figures_of(
    looks: Mapping[str, Any], results: Sequence[CellResult]
) -> Iterator[tuple[str, Figure | ValueError]]:
    """The figures that are asked for, by name, each drawn or with the reason why not.

    Args:
        looks: `title`, `figures` and `metric`, as in a run's manifest, and `remarks` to add below figures.
        results: the cells that are drawn.
    """
    for entry in looks["figures"]:
        try:
            spec = figure_spec(entry)
        except ValidationError as error:
            # A store of another version may ask for what this one refuses.
            yield "a figure", ValueError(error.errors()[0]["msg"])
            continue
        title = spec.title or looks["title"] or None
        shown = [result for result in results if spec.methods is None or result.method in spec.methods]
        if not shown:
            continue
        try:
            options = spec.options(looks.get("metric", "error"))
            figure = FIGURES[spec.kind](shown, title=title, **options)
            add_remarks(figure, looks.get("remarks", ()))
            yield figure_name(spec), figure
        except ValueError as error:
            # What a part of the methods or seeds has recorded may not be enough for every figure.
            yield figure_name(spec), error


def summary_records(store: Store) -> list[dict[str, Any]]:
    """The summary table as records of plain values; errors are in `[0, 1]`."""
    manifest, records = store.manifest(), []
    for result in having(store.results(), manifest["metric"], store.root / MANIFEST):
        summary = summarize_cell(result, threshold=manifest["threshold"], metric=manifest["metric"])
        records.append(
            {
                "method": result.method,
                "point": dict(result.point),
                "seeds": result.seeds.tolist(),
                "steps": result.steps,
                "metric": manifest["metric"],
                "final": summary.final.mean,
                "interval": list(summary.final.interval),
                "failed_share": summary.failed,
                "failed_interval": list(summary.failed_interval),
                "steps_to_threshold": summary.steps_to_threshold,
                "seconds": summary.seconds,
                "diverged": result.provenance.get("diverged", {}),
            }
        )
    return records


def tables_of(results: Sequence[CellResult], threshold: float, metric: str) -> list[TextTable]:
    """All tables of a run that have rows, the summary first."""
    return nonempty_tables(
        summary_table(results, threshold=threshold, metric=metric), results, compare(results), metric
    )


def nonempty_tables(
    summary: TextTable, results: Sequence[CellResult], published: Sequence[PaperComparison], metric: str
) -> list[TextTable]:
    """The summary, every seed, paired differences and the paper's numbers; those that have rows."""
    tables = [summary, seeds_table(results, metric=metric), paired_table(results, metric=metric)]
    return [table for table in tables if table.rows] + ([paper_table(published)] if published else [])
