"""One record of a cell from several, whose seeds were trained in pieces, for example on several machines."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .._errors import ConfigError
from .._paper import CROSSINGS, PaperNumber, crossing, judge, mean_and_interval, paper_numbers, read_steps
from .._results import steps_to_threshold, steps_to_threshold_interval, summarize
from .._text import cell_label
from .summary import CellRecord, Origin, PaperRecord, RunSummary

Place = tuple[CellRecord, int]  # a seed: its record, and where in the record it stands


def combine_summaries(summaries: Sequence[RunSummary]) -> RunSummary:
    """One summary of the cells of all, with the seeds of all; see `combine_cells`.

    Args:
        summaries: what `read_summary` returns; title and paper are those of the first.

    Returns:
        A summary in which each cell is there once.

    Raises:
        ConfigError: they have other metrics or thresholds, or other bins for one cell.
    """
    first = summaries[0]
    if others := {(s.metric, s.threshold) for s in summaries} - {(first.metric, first.threshold)}:
        metric, threshold = sorted(others)[0]
        faults = f"{first.metric} below {first.threshold:g} and {metric} below {threshold:g}"
        raise ConfigError([f"summaries of {faults} cannot be combined; draw both with one config first"])
    cells: dict[tuple[str, str], list[CellRecord]] = {}
    for cell in (cell for summary in summaries for cell in summary.cells):
        cells.setdefault((cell.key, cell.method), []).append(cell)
    united = [combine_cells(found, first.metric, first.threshold) for found in cells.values()]
    return first.model_copy(update={"cells": united})


def combine_cells(cells: Sequence[CellRecord], metric: str, threshold: float) -> CellRecord:
    """One record of a cell, with the seeds of all; a seed that is there twice counts as in the first.

    What every seed has by itself stays exact. Where no record has all seeds, the step at which their mean
    crosses a level is found on the binned curves: it is the start of the first bin whose mean is below, and
    `bin_width` is its precision. Its interval holds whole bins.

    Args:
        cells: records of one key.
        metric: what counts as the error.
        threshold: the error that counts as solved.

    Returns:
        The record; origins count with the time of all of their seeds.

    Raises:
        ConfigError: their bins differ in width.
    """
    first = cells[0]
    # Without any value, as of seeds that diverged at once, there were no steps between them to go by.
    known = [cell for cell in cells if not np.isnan(cell.curves).all()] or cells
    widths = sorted({cell.bin_width for cell in known})
    if len(widths) > 1:
        label = cell_label(first.method, first.point)
        fault = f"bins of {widths[0]} and of {widths[1]} steps"
        raise ConfigError([f"{label}: {fault} cannot be combined; summarize both by one version"])
    cells = [cell if cell in known else _rebinned(cell, widths[0]) for cell in cells]
    found = {seed: (cell, i) for cell in reversed(cells) for i, seed in enumerate(cell.seeds)}
    kept = [found[seed] for seed in sorted(found)]
    for cell in cells:
        if len(cell.seeds) == len(kept):
            return cell
    return _united(kept, metric, threshold)


def _rebinned(cell: CellRecord, width: int) -> CellRecord:
    """A record without any value, in bins of another width."""
    curves = [[math.nan] * -(-cell.steps // width) for _ in cell.seeds]
    return cell.model_copy(update={"bin_width": width, "curves": curves})


def _united(kept: Sequence[Place], metric: str, threshold: float) -> CellRecord:
    first = kept[0][0]
    curves = np.array([cell.curves[i] for cell, i in kept])
    final = [cell.final[i] for cell, i in kept]
    ends = summarize(np.array(final))
    parts = list({id(cell): cell for cell, _ in kept}.values())
    numbers = [number for number in paper_numbers() if number.matches(first.spec)]
    return first.model_copy(
        update={
            "seeds": _seeds(kept),
            "curves": curves.tolist(),
            "final": final,
            "final_mean": ends.mean,
            "final_interval": ends.interval,
            "first_below": [cell.first_below[i] for cell, i in kept],
            "highest_since": [cell.highest_since[i] for cell, i in kept],
            "failed": [cell.seeds[i] for cell, i in kept if cell.seeds[i] in cell.failed],
            "relapsed": [cell.seeds[i] for cell, i in kept if cell.seeds[i] in cell.relapsed],
            "diverged": {
                seed: cell.diverged[seed] for cell, i in kept if (seed := str(cell.seeds[i])) in cell.diverged
            },
            "crossing": first.bin_width * steps_to_threshold(curves, threshold),
            "crossing_interval": steps_to_threshold_interval(curves, threshold, width=first.bin_width),
            "crossing_precision": first.bin_width,
            "seconds": sum(cell.seconds for cell in parts),
            "origins": [origin for part in parts for origin in _origins(part, kept)],
            "paper": [_beside(number, kept, curves, metric) for number in numbers],
        }
    )


def _seeds(kept: Sequence[Place]) -> list[int]:
    return [cell.seeds[i] for cell, i in kept]


def _origins(part: CellRecord, kept: Sequence[Place]) -> list[Origin]:
    """Those of a record, with the seeds that are taken from it."""
    taken = {cell.seeds[i] for cell, i in kept if cell is part}
    left = [
        origin.model_copy(update={"seeds": sorted(taken.intersection(origin.seeds))})
        for origin in part.origins
    ]
    return [origin for origin in left if origin.seeds]


def _any_lost(kept: Sequence[Place], number: PaperNumber) -> bool:
    """Whether a seed diverged before a published number is read."""
    steps = (cell.diverged.get(str(cell.seeds[i]), math.inf) for cell, i in kept)
    return any(step < read_steps(number) for step in steps)


def _beside(
    number: PaperNumber, kept: Sequence[Place], curves: Float[np.ndarray, "s bins"], metric: str
) -> PaperRecord:
    first, steps, width = kept[0][0], kept[0][0].steps, kept[0][0].bin_width
    records = {id(cell): next(r for r in cell.paper if r.name == number.name) for cell, _ in kept}
    without = [record for record in records.values() if record.of_seeds is None]
    of_seeds, precision = None, 1
    if not without:
        of_seeds = [value for cell, i in kept for value in (records[id(cell)].of_seeds or ())[i : i + 1]]
        ours, interval = mean_and_interval(np.array(of_seeds), number)
    elif number.quantity in CROSSINGS and number.metric == metric:
        whole = curves if steps <= number.steps else curves[:, : number.steps // width]
        ours, interval = crossing(whole, number, width=width)
        precision = max(width, number.evaluate_every)
    else:
        return without[0].model_copy(update={"seeds": (len(kept), number.seeds)})
    return records[id(first)].model_copy(
        update={
            "ours": ours,
            "interval": interval,
            "verdict": judge(number, interval, len(kept), steps, lost=_any_lost(kept, number)),
            "of_seeds": of_seeds,
            "seeds": (len(kept), number.seeds),
            "precision": precision,
        }
    )
