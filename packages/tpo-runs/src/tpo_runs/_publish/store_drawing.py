"""Figures and tables of a finished or unfinished run, from its store. Nothing is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from .._config import effective, load_config
from .._console import make_console, print_line
from .._errors import ConfigError, as_storage_error
from .._files import SUMS, damage, sums, write_file
from .._results import summarize_cell
from .._store import Store, locked
from .._text import cell_label
from .drawing import print_tables, recorded, tables_of, write_drawings
from .sources import stored_run

LOOKS = ("title", "paper", "figures", "metric", "threshold")


def draw(store: Store, console: Console, *, tables: bool = True) -> list[Path]:
    """Write a run's figures and tables to `store.figures`, and print the tables.

    `summary.md` holds all tables. The terminal shows those that are not too long, the summary last. Returns
    the files; none if no block of seeds is complete.
    """
    manifest, every = store.manifest(), store.results()
    if not every:
        return []
    metric, folder = manifest.get("metric", "error"), store.figures
    results = recorded(every, metric, store.manifest_path)
    if left := [cell_label(result.method, result.point) for result in every if result not in results]:
        print_line(console, f"not drawn, because they have not recorded {metric!r}: {'; '.join(left)}")
    for line in damage(folder) if (folder / SUMS).exists() else ():
        print_line(console, f"{line}; drawn again")
    (folder / SUMS).unlink(missing_ok=True)
    shown = tables_of(results, manifest["threshold"], metric)
    written = write_drawings(folder, manifest, results, shown, console)
    write_file(folder / SUMS, sums(folder, [path.name for path in written]).encode())
    if tables:
        print_tables(shown, console)
    return written


def redraw(out: Path, config: Path | None = None, overrides: Sequence[tuple[str, str]] = ()) -> list[Path]:
    """Draw a stored run, complete or not, and print its tables. Returns the files.

    Title, figures, metric and threshold of the config replace those of the run; nothing else in it is used.

    Raises:
        ConfigError: there is no run in `out` or nothing of it is complete, a file of it is damaged, another
            process holds it, or `config` is wrong.
        StorageError: the figures cannot be written.
    """
    store = Store(out)
    manifest = store.manifest()
    nothing = ConfigError([f"{out}: no block of seeds is complete yet: nothing to draw"])
    if config is not None:
        looks = effective(load_config(config, overrides=overrides).config)
        if not recorded(store.results(), looks["metric"], config):
            raise nothing
        with locked(store.root):
            store.write_manifest(manifest | {key: looks[key] for key in LOOKS})
    elsewhere = "to draw elsewhere, summarize it --to a file, and draw that --to a folder"
    with as_storage_error(store.figures, f"the results are intact; {elsewhere}"):
        files = draw(store, make_console())
    if not files:
        raise nothing
    return files


def summary_records(store: Store) -> list[dict[str, Any]]:
    """The summary table as records of plain values; errors are in `[0, 1]`."""
    run, records = stored_run(store), []
    for result in recorded(run.cells, run.metric, store.manifest_path):
        summary = summarize_cell(result, threshold=run.threshold, metric=run.metric)
        records.append(
            {
                "method": result.method,
                "point": dict(result.point),
                "seeds": result.seeds.tolist(),
                "steps": result.steps,
                "metric": run.metric,
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
