"""Figures and tables of a finished or unfinished run, as functions of its store."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ._figures import FIGURES, save_figure
from ._integrity import SUMS, damage, sums, write_file
from ._paper import compare, paper_table
from ._results import CellResult
from ._specs_figure import figure_name, figure_spec
from ._store import Store
from ._tables import paired_table, seeds_table, summary_table
from ._text_table import TextTable

MOST_SEED_ROWS = 40


def draw(store: Store, console: Console) -> list[Path]:
    """Write the run's figures and tables below `store.figures`, and print the tables.

    Nothing is trained: everything is read from the store. `summary.md` holds all tables, the terminal shows
    those that fit.

    Returns:
        The files written.
    """
    manifest, results = store.manifest(), store.results()
    if not results:
        return []
    for line in damage(store.figures) if (store.figures / SUMS).exists() else ():
        console.print(f"{line}; drawn again", highlight=False, markup=False, soft_wrap=True)
    (store.figures / SUMS).unlink(missing_ok=True)
    written = []
    metric = manifest.get("metric", "error")
    for entry in manifest["figures"]:
        spec = figure_spec(entry)
        title = spec.title or manifest["title"] or None
        shown = [result for result in results if spec.methods is None or result.method in spec.methods]
        if not shown:
            continue
        try:
            figure = FIGURES[spec.kind](shown, title=title, **spec.options(metric))
        except ValueError as error:
            # What a part of the methods or seeds has recorded may not be enough for every figure.
            console.print(f"{figure_name(spec)} is not drawn: {error}", highlight=False, soft_wrap=True)
            continue
        written += save_figure(figure, store.figures / figure_name(spec))
    tables = _tables(results, manifest["threshold"], metric)
    summary = store.figures / "summary.md"
    store.figures.mkdir(exist_ok=True)
    heading = f"# {manifest['title']}\n\n" if manifest["title"] else ""
    # What took how long differs from run to run; the file does not.
    timeless = _tables(results, manifest["threshold"], metric, seconds=False)
    write_file(summary, (heading + "\n".join(table.markdown() for table in timeless)).encode())
    written.append(summary)
    write_file(store.figures / SUMS, sums(store.figures, [path.name for path in written]).encode())
    for table in tables:
        if len(table.rows) <= MOST_SEED_ROWS:
            console.print(table.rich())
    return written


def _tables(
    results: Sequence[CellResult], threshold: float, metric: str, *, seconds: bool = True
) -> list[TextTable]:
    tables = [
        summary_table(results, threshold=threshold, metric=metric, seconds=seconds),
        seeds_table(results, metric=metric),
        paired_table(results, metric=metric),
    ]
    published = compare(results)
    return [table for table in tables if table.rows] + ([paper_table(published)] if published else [])
