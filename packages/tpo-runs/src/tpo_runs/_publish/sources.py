"""Runs as commands name them: output directories, and the summaries of runs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .._errors import ConfigError
from .._results import on_all_axes
from .._store import Store, check_holds_run
from .summary_file import RunSummary, read_summary


def read_run(path: Path) -> RunSummary:
    """The run of an output directory, with all its steps, or of a file that `tpo-runs summarize` wrote.

    Raises:
        ConfigError: it is damaged, or neither a run nor a summary.
    """
    # run.json is a run's manifest: it stands for its directory.
    if path.suffix == ".json" and path.name != "run.json":
        return read_summary(path)
    check_holds_run(path)
    return stored_run(Store(path))


def stored_run(store: Store) -> RunSummary:
    """The cells of a run of which at least one seed is complete, with all their steps.

    Raises:
        ConfigError: there is no run, or a file of it is damaged.
    """
    manifest = store.manifest()
    metric, threshold = manifest.get("metric", "error"), manifest.get("threshold", 0.01)
    return RunSummary(manifest["title"], manifest.get("paper", ""), metric, threshold, store.results())


def read_results(paths: Sequence[Path]) -> RunSummary:
    """The cells of runs and of summaries together, with the title of the first.

    Of equal cells with the same name, only the one with the most seeds is kept.

    Raises:
        ConfigError: a source cannot be read, they measure differently, or none has a complete seed.
    """
    runs = {path: read_run(path) for path in paths}
    measures = {(run.metric, run.threshold): path for path, run in runs.items()}
    if len(measures) > 1:
        words = " and ".join(f"{metric} below {at:g} in {path}" for (metric, at), path in measures.items())
        raise ConfigError([f"the sources measure differently: {words}; rank them separately"])
    cells = [cell for run in runs.values() for cell in run.cells]
    if not cells:
        raise ConfigError([f"{paths[0]}: no block of seeds is complete yet: there is nothing to rank"])
    return replace(runs[paths[0]], cells=on_all_axes(cells))
