"""Tables of methods in order, over all points of a grid and at each of them."""

from collections.abc import Collection, Sequence

import numpy as np

from .._text import one_of, point_label
from .cell import CellResult, final_error, last_values
from .grid import group_by_point
from .ranking import Improvement, Standing, areas, improvements, standings, standings_at_point
from .seeds import has_failed
from .tables import summarize_cell
from .text_table import ABSENT, TextTable, p_text, percent, percent_interval

AREA_NOTE = "Area: mean error over all steps, in percent."
RANK_NOTE = (
    "Rank: from best to worst that the 95% intervals allow; those whose intervals overlap are not ranked."
)
HEADS = ("rank", "method", "area", "95% interval", "final", "failed %", "relapsed")
# Metrics that are shown if cells have them: heading, metric and digits.
EXTRAS = (("pass@8", "pass_at_8", 2), ("distinct right", "distinct_right", 1))


def ranking_table(
    results: Sequence[CellResult],
    *,
    reference: str | None = None,
    metric: str = "error",
    threshold: float = 0.01,
) -> TextTable:
    """The methods over all points of the grid, the smallest area first, compared with a reference if given.

    Methods that lack a point are left out, and named below the table.

    Raises:
        ValueError: no method has all points, the reference is not among those that have, or a method has
            other seeds than the reference.
    """
    of_methods = areas(results, metric=metric)
    if reference is not None and reference not in of_methods:
        raise ValueError(f"{reference!r} was not trained at all points{one_of(reference, of_methods)}")
    if reference is not None:
        _check_seeds(results, reference, of_methods)
    against = {} if reference is None else {i.method: i for i in improvements(of_methods, reference)}
    extras = [extra for extra in EXTRAS if any(extra[1] in result.metrics for result in results)]
    rows = []
    for standing in standings(of_methods):
        cells = [cell for cell in results if cell.method == standing.method]
        compared = _against(against.get(standing.method)) if reference is not None else ()
        rows.append((*_place(standing), *_ends(cells, metric, threshold, extras), *compared))
    heads = HEADS + tuple(name for name, *_ in extras)
    notes = [
        f"{AREA_NOTE} Interquartile mean over points and seeds, with the stratified bootstrap over seeds.",
        RANK_NOTE,
        "Final: mean of the last 1% of steps. Failed: seeds that end above 50%. Relapsed: seeds below "
        f"{100 * threshold:g}% and later above 50%.",
    ]
    if reference is not None:
        heads += (f"less than {reference}", "95% interval", "difference", "p")
        notes.append(
            f"Less than {reference}: probability that a seed has the smaller area, the mean over points. "
            "Difference: of areas on shared seeds, in points. p: of permuted signs, corrected by Holm."
        )
    if missing := sorted({result.method for result in results} - of_methods.keys()):
        notes.append(f"Not trained at all points: {', '.join(missing)}.")
    count = len(group_by_point(results))
    title = f"Order of methods over {count} points" if count > 1 else "Order of methods"
    return TextTable(title, heads, tuple(rows), 2, tuple(notes))


def point_tables(
    results: Sequence[CellResult], *, metric: str = "error", threshold: float = 0.01
) -> list[TextTable]:
    """The methods at each point of the grid, the smallest area first."""
    tables = []
    for point, cells in group_by_point(results):
        of_method = {cell.method: cell for cell in cells}
        rows = [
            (*_place(standing), *_ends([of_method[standing.method]], metric, threshold))
            for standing in standings_at_point(cells, metric=metric)
        ]
        notes = (f"{AREA_NOTE} Mean over seeds, with Student's interval.", RANK_NOTE)
        tables.append(TextTable(point_label(point) or "Order of methods", HEADS, tuple(rows), 2, notes))
    return tables


def _check_seeds(results: Sequence[CellResult], reference: str, methods: Collection[str]) -> None:
    for point, cells in group_by_point(results):
        seeds = {cell.method: cell.seeds.tolist() for cell in cells if cell.method in methods}
        for method, own in seeds.items():
            if own != seeds[reference]:
                place = f" at {point_label(point)}" if point else ""
                raise ValueError(
                    f"{method!r} has the seeds {own}{place}, but {reference!r} has {seeds[reference]}; "
                    "differences are between equal seeds"
                )


def _place(standing: Standing) -> tuple[str, ...]:
    best, worst = standing.rank
    rank = str(best) if best == worst else f"{best}–{worst}"
    return rank, standing.method, percent(standing.area), percent_interval(standing.interval)


def _ends(
    cells: Sequence[CellResult],
    metric: str,
    threshold: float,
    extras: Sequence[tuple[str, str, int]] = (),
) -> tuple[str, ...]:
    finals = [final_error(cell, metric=metric) for cell in cells]
    failed = float(np.mean([has_failed(final).mean() for final in finals]))
    relapsed = sum(summarize_cell(cell, threshold=threshold, metric=metric).relapsed for cell in cells)
    last = [_at_the_end(cells, name, digits) for _, name, digits in extras]
    final = float(np.mean([np.where(np.isnan(each), 1.0, each).mean() for each in finals]))
    return percent(final), percent(failed), str(relapsed), *last


def _at_the_end(cells: Sequence[CellResult], name: str, digits: int) -> str:
    values = [np.nanmean(last_values(cell.metric(name), 0.01)) for cell in cells if name in cell.metrics]
    return f"{np.mean(values):.{digits}f}" if values else ABSENT


def _against(improvement: Improvement | None) -> tuple[str, ...]:
    if improvement is None:  # the reference itself
        return (ABSENT,) * 4
    low, high = improvement.interval
    share, interval = f"{improvement.probability:.2f}", f"[{low:.2f}, {high:.2f}]"
    return share, interval, percent(improvement.difference), p_text(improvement.p_value)
