"""The results of several runs and summaries together."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .._errors import ConfigError
from .._results import CellResult, on_all_axes
from .._store import Store, check_holds_run
from .summary import read_summary


class Source(NamedTuple):
    """The cells of a run that are complete, what counts as the error, and the error that counts as solved."""

    cells: list[CellResult]
    metric: str
    threshold: float


def read_source(path: Path) -> Source:
    """Read the output directory of a run, or a file that `tpo-runs summarize` wrote.

    Raises:
        ConfigError: it is damaged, or neither a run nor a summary.
    """
    # run.json is a run's manifest: it stands for its directory.
    if path.suffix == ".json" and path.name != "run.json":
        summary = read_summary(path)
        return Source(list(summary.cells), summary.metric, summary.threshold)
    check_holds_run(path)
    store = Store(path)
    manifest = store.manifest()
    return Source(store.results(), manifest.get("metric", "error"), manifest.get("threshold", 0.01))


def read_results(paths: Sequence[Path]) -> Source:
    """The cells of runs and of summaries together.

    Of equal cells with the same name, only the one with the most seeds is kept.

    Args:
        paths: of the runs and summaries; see `read_source`.

    Raises:
        ConfigError: a source cannot be read, or they measure differently.
    """
    sources = {path: read_source(path) for path in paths}
    measures = {(source.metric, source.threshold): path for path, source in sources.items()}
    if len(measures) > 1:
        words = " and ".join(f"{metric} below {at:g} in {path}" for (metric, at), path in measures.items())
        raise ConfigError([f"the sources measure differently: {words}; rank them separately"])
    cells = [cell for source in sources.values() for cell in source.cells]
    if not cells:
        raise ConfigError([f"{paths[0]}: no block of seeds is complete yet: there is nothing to rank"])
    return Source(on_all_axes(cells), *next(iter(measures)))
