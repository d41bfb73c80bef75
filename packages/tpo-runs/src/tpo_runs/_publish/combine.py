"""Combine results of one cell whose seeds were trained in several runs, for example on several machines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Shaped

from .._config import key_of
from .._errors import ConfigError
from .._results import CellResult, ExactFacts
from .._text import cell_label
from .summary_file import RunSummary

PER_SEED = ("final", "first_below", "highest_since", "relapsed")


def combine_summaries(summaries: Sequence[RunSummary]) -> RunSummary:
    """Combine summaries into one in which each cell has the seeds of all; see `combine_cells`.

    Title and paper are those of the first.

    Raises:
        ConfigError: they have different metrics or thresholds, or different bins for one cell.
    """
    first = summaries[0]
    for other in summaries:
        if (other.metric, other.threshold) != (first.metric, first.threshold):
            pair = " and ".join(f"{s.metric} below {s.threshold:g}" for s in (first, other))
            fix = "draw and summarize both runs with one config first"
            raise ConfigError([f"summaries of {pair} cannot be combined; {fix}"])
    cells: dict[tuple[str, str], list[CellResult]] = {}
    for cell in (cell for summary in summaries for cell in summary.cells):
        cells.setdefault((key_of(cell.spec), cell.method), []).append(cell)
    return replace(first, cells=[combine_cells(found) for found in cells.values()])


def combine_cells(cells: Sequence[CellResult]) -> CellResult:
    """Combine results of one key from summaries; a duplicate seed counts as in the first of them.

    Name and grid point are those of the first. Facts about single seeds stay exact. If no result has all
    seeds, the step at which their mean crosses a level is found on the binned curves: the start of the first
    bin with a mean below the level.

    Raises:
        ConfigError: their bins differ in width.
    """
    # The bins of a cell without any value have an arbitrary width.
    widths = {cell.bin_width for cell in cells if not np.isnan(cell.metrics[_facts(cell).metric]).all()}
    if len(widths) > 1:
        label, (one, other) = cell_label(cells[0].method, cells[0].point), sorted(widths)[:2]
        fault = f"bins of {one} and of {other} steps cannot be combined"
        raise ConfigError([f"{label}: {fault}; summarize both with the same version of tpo-runs"])
    owners = {seed: cell for cell in reversed(cells) for seed in cell.seeds.tolist()}
    for cell in cells:
        if len(cell.seeds) == len(owners):
            return cell
    used = dict.fromkeys(owners[seed] for seed in sorted(owners))
    rows = {cell: [i for i, seed in enumerate(cell.seeds.tolist()) if owners[seed] is cell] for cell in used}
    width = next(iter(widths), cells[0].bin_width)
    return replace(_joined(rows), method=cells[0].method, point=cells[0].point, bin_width=width)


def _joined(rows: Mapping[CellResult, list[int]]) -> CellResult:
    """One cell of some rows of several, sorted by seed."""
    order = np.argsort(np.concatenate([cell.seeds[kept] for cell, kept in rows.items()]))

    def join(of_cell: Callable[[CellResult], Shaped[np.ndarray, "s ..."]]) -> Shaped[np.ndarray, "s ..."]:
        return np.concatenate([of_cell(cell)[kept] for cell, kept in rows.items()])[order]

    first = next(iter(rows))
    shared = set.intersection(*(set(_facts(cell).paper) for cell in rows))
    exact = replace(
        _facts(first),
        **{name: join(lambda cell, name=name: getattr(_facts(cell), name)) for name in PER_SEED},
        paper={name: join(lambda cell, name=name: _facts(cell).paper[name]) for name in shared},
        crossing=None,
        paper_crossings={},
    )
    metrics = {name: join(lambda cell, name=name: cell.metrics[name]) for name in first.metrics}
    seeds, facts = join(lambda cell: cell.seeds), _provenance(rows)
    samples = [
        sample
        for cell, kept in rows.items()
        for sample in cell.samples
        if sample["seed"] in cell.seeds[kept].tolist()
    ]
    samples.sort(key=lambda sample: sample["seed"])
    return replace(first, seeds=seeds, metrics=metrics, provenance=facts, exact=exact, samples=samples)


def _provenance(rows: Mapping[CellResult, list[int]]) -> dict[str, Any]:
    """The seconds of all runs, and for each seed the facts of the run that it is taken from."""
    diverged, origins = {}, []
    for cell, kept in rows.items():
        taken = set(cell.seeds[kept].tolist())
        diverged |= {seed: step for seed, step in cell.provenance["diverged"].items() if int(seed) in taken}
        origins += [
            {**origin, "seeds": seeds}
            for origin in cell.provenance["origins"]
            if (seeds := sorted(taken.intersection(origin["seeds"])))
        ]
    seconds = sum(cell.provenance["seconds"] for cell in rows)
    return {"seconds": seconds, "diverged": diverged, "origins": origins}


def _facts(cell: CellResult) -> ExactFacts:
    if cell.exact is None:
        raise ValueError(f"{cell.method!r} comes from a store; only cells of summaries can be combined")
    return cell.exact
