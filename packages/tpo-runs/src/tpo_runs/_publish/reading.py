"""The results of several runs and summaries together."""

from collections.abc import Sequence
from pathlib import Path

from .._errors import ConfigError
from .._results import CellResult, on_all_axes
from .._store import Store, check_holds_run
from .summary import read_summary


def read_results(sources: Sequence[Path]) -> tuple[list[CellResult], str, float]:
    """The cells of runs and of summaries, the metric, and the threshold that counts as solved.

    Of equal cells with the same name, only the one with the most seeds is kept.

    Args:
        sources: output directories of runs, and files that `tpo-runs summarize` wrote.

    Raises:
        ConfigError: a source is damaged, or neither a run nor a summary; or they measure differently.
    """
    cells: list[CellResult] = []
    measures: dict[tuple[str, float], Path] = {}
    for path in sources:
        if path.is_dir():
            check_holds_run(path)
            store = Store(path)
            manifest = store.manifest()
            cells += store.results()
            measure = manifest["metric"], manifest["threshold"]
        else:
            summary = read_summary(path)
            cells += summary.cells
            measure = summary.metric, summary.threshold
        measures.setdefault(measure, path)
    if len(measures) > 1:
        words = " and ".join(f"{metric} below {at:g} in {path}" for (metric, at), path in measures.items())
        raise ConfigError([f"the sources measure differently: {words}; rank them separately"])
    if not cells:
        raise ConfigError([f"{sources[0]}: no block of seeds is complete yet: there is nothing to rank"])
    ((metric, threshold),) = measures
    return on_all_axes(cells), metric, threshold
