"""The same cells in several runs: numbers of each, and differences on shared seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from .._text import axis_label, counted, value_label
from .cell import LAST_SHARE, CellResult, final_error, final_words, grid_axes, last_values
from .order import reading_order
from .paired import PairedComparison, paired_comparison
from .text_table import ABSENT, TextTable, percent, percent_interval

SHOWN = 0.05  # a difference with a smaller p-value counts as shown


@dataclass(frozen=True)
class ComparedCell:
    """One method at one grid point in two runs or more, by the names of the runs, the first one first."""

    method: str
    point: Mapping[str, Any]
    runs: Mapping[str, CellResult]


def match_cells(runs: Mapping[str, Sequence[CellResult]]) -> list[ComparedCell]:
    """The methods and grid points that two runs or more have, in reading order.

    Args:
        runs: the cells of each run, on the same axes; see `on_all_axes`.

    Returns:
        The matched cells.
    """
    found: dict[tuple[str, str], ComparedCell] = {}
    for name, cells in runs.items():
        for cell in cells:
            place = cell.method, repr(sorted(cell.point.items()))
            earlier = found[place].runs if place in found else {}
            found[place] = ComparedCell(cell.method, cell.point, {**earlier, name: cell})
    methods = reading_order(cell.method for cell in found.values())
    matched = [cell for cell in found.values() if len(cell.runs) > 1]
    return sorted(matched, key=lambda cell: methods.index(cell.method))


def mean_over_steps(result: CellResult, *, metric: str = "error") -> Float[np.ndarray, " s"]:
    """The mean of a metric over the recorded steps of each seed: the area under its curve, per step.

    Returns:
        `[s]`; NaN for a seed that diverged.

    Raises:
        ValueError: there is no such metric.

    >>> import numpy as np
    >>> cell = CellResult("TPO", {}, {}, np.arange(2), {"error": np.array([[0.5, 0.1], [0.5, 0.3]])}, {})
    >>> mean_over_steps(cell).tolist()
    [0.3, 0.4]
    """
    return last_values(result.metric(metric), 1.0).mean(axis=1, dtype=np.float64)


def compared_table(cells: Sequence[ComparedCell], *, metric: str = "error") -> TextTable:
    """One row for each run of each matched cell, with its difference from the first run of the cell.

    Args:
        cells: the matched cells.
        metric: what counts as the error.

    Returns:
        The table; call its `rich()` or `markdown()`. A note for each pair says which run is better.

    Raises:
        ValueError: a cell has not recorded the metric.
    """
    axes = grid_axes([result for cell in cells for result in cell.runs.values()])
    rows, notes = [], []
    for cell in cells:
        names = (cell.method, *(value_label(cell.point.get(axis)) for axis in axes))
        (baseline, first), *_ = cell.runs.items()
        for run, result in cell.runs.items():
            final = final_error(result, metric=metric)
            numbers = (percent(final.mean()), percent(mean_over_steps(result, metric=metric).mean()))
            pair = None if result is first else _pair(result, first, metric)
            rows.append((*names, run, str(len(result.seeds)), *numbers, *_difference(pair)))
            if result is not first:
                notes.append(f"{', '.join(names)}: {_verdict(run, baseline, pair)}.")
    columns = ("method", *map(axis_label, axes), "run", "seeds", "final (%)", "mean over steps (%)")
    columns += ("difference (points)", "95% interval", "p")
    notes.append(
        f"Final: {final_words(LAST_SHARE)}. Difference: of final errors on shared seeds, from the first run. "
        "p: two-sided sign-flip permutation test, not corrected for the number of rows."
    )
    return TextTable("Runs compared", columns, tuple(rows), numbers=len(axes) + 2, notes=tuple(notes))


def _pair(result: CellResult, first: CellResult, metric: str) -> PairedComparison | None:
    if not np.intersect1d(result.seeds, first.seeds).size:
        return None
    return paired_comparison(result, first, metric=metric)


def _difference(pair: PairedComparison | None) -> tuple[str, str, str]:
    if pair is None:
        return ABSENT, ABSENT, ABSENT
    p = ABSENT if np.isnan(pair.p_value) else f"{pair.p_value:.2g}"
    return percent(pair.difference), percent_interval(pair.interval), p


def _verdict(run: str, baseline: str, pair: PairedComparison | None) -> str:
    """Which run is better, in words."""
    if pair is None:
        return f"{run} and {baseline} share no seed; train both with the same seeds to compare them"
    seeds = counted(pair.seeds, "shared seed")
    if not pair.p_value < SHOWN:
        return f"{seeds} do not show that {run} and {baseline} differ"
    word = "lower" if pair.difference < 0 else "higher"
    return f"{run} ends {word} than {baseline} (p = {pair.p_value:.2g}, {seeds})"
