"""What figures and tables read, made from the records of summaries instead of a store."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from .._paper import PaperComparison, paper_numbers
from .._results import CellResult, CellSummary, Interval, share_interval, summarize
from .summary import CellRecord


def result_of(record: CellRecord, metric: str) -> CellResult:
    """A cell whose curves are constant in each bin, and at the end equal to every seed's end.

    Args:
        record: the cell's.
        metric: what its curves are of.

    Returns:
        The cell. Its `bin_width` tells how coarse it is; a metric that the summary does not have is not
        there, and "error" has no value if it is not `metric`.
    """
    curves = _expanded(record)
    metrics = {"error": np.full_like(curves, np.nan), metric: curves}
    facts = {"seconds": record.seconds, "diverged": record.diverged}
    return CellResult(
        record.method,
        record.point,
        record.spec,
        np.array(record.seeds),
        metrics,
        facts,
        bin_width=record.bin_width,
    )


def _expanded(record: CellRecord) -> Float[np.ndarray, "s steps"]:
    curves = np.repeat(np.array(record.curves, dtype=np.float64), record.bin_width, axis=1)
    curves = curves[:, : record.steps]
    # A bin may be wider than the last 1% of steps, of which the ends are the means.
    curves[:, -math.ceil(0.01 * record.steps) :] = np.array(record.final, dtype=np.float64)[:, None]
    return curves


def summary_of(record: CellRecord) -> CellSummary:
    """The row of the summary table, from what was computed from every step and not from bins."""
    return CellSummary(
        final=summarize(np.array(record.final, dtype=np.float64)),
        failed=len(record.failed) / len(record.seeds),
        failed_interval=share_interval(len(record.failed), len(record.seeds)),
        relapsed=len(record.relapsed),
        steps_to_threshold=record.crossing,
        steps_interval=Interval(*record.crossing_interval),
        seconds=record.seconds,
    )


def published(cells: Iterable[tuple[CellRecord, CellResult]]) -> list[PaperComparison]:
    """The published numbers beside the cells, in the paper's order, as the summaries have them."""
    found = {}
    for record, result in cells:
        for row in record.paper:
            found.setdefault(row.name, []).append((row, result))
    return [
        PaperComparison(
            number,
            result,
            row.ours,
            Interval(*row.interval),
            row.verdict,
            None if row.of_seeds is None else np.array(row.of_seeds, dtype=np.float64),
        )
        for number in paper_numbers()
        for row, result in found.get(number.name, ())
    ]


def precision_words(records: Sequence[CellRecord]) -> tuple[str, ...]:
    """What tables say about numbers that are less exact than those of a store."""
    coarse = max(record.crossing_precision for record in records)
    if coarse == 1:
        return ()
    return (f"Where seeds were trained in pieces, steps are known to within {coarse}.",)
