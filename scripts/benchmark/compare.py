"""Two runs of the benchmark, side by side: is the second faster, and does it still learn the same?"""

import statistics
from collections.abc import Iterator, Sequence

import numpy as np
from rich.table import Table

from .results import Results, Row

DEVIATIONS = 5


def tolerance(curve: Sequence[float], answers: int) -> np.ndarray:
    """How far another run may lie from each value of a learning curve.

    In the first episode both have the same policy and the same random numbers. Rounding can then only tip a
    token whose two best draws are equal to seven digits, so two of the `answers` may differ, which moves a
    mean by `2 / answers` of its scale.

    After that, Muon brings every direction of a gradient to the same length, those of pure rounding too, so
    the policies part by rounding and what they sample becomes independent. The values then differ as those of
    two samples do, and that is seen within one curve: its changes from episode to episode are differences of
    two independent samples, with the learning on top. Allowed are five times their root mean square.
    """
    values = np.asarray(curve)
    scale = np.maximum(1, np.abs(values))
    allowed = 2 / answers * scale
    if len(values) > 1:
        allowed[1:] += DEVIATIONS * np.sqrt(np.mean(np.diff(values) ** 2))
    return allowed


def curve_differences(before: Row, after: Row) -> list[str]:
    """Where two learning curves differ by more than rounding explains, in words, as far as both go."""
    if before.curve is None or after.curve is None:
        return []
    found = []
    for name in before.curve.keys() & after.curve.keys():
        pairs = zip(before.curve[name], after.curve[name], strict=False)
        old, new = (np.asarray(values) for values in zip(*pairs, strict=True))
        # A curve of NaN is within no tolerance.
        outside = ~(np.abs(new - old) <= tolerance(old, before.answers))
        if outside.any():
            i = int(np.argmax(outside))
            found.append(
                f"{name} of episode {i} is {new[i]:.4g}, was {old[i]:.4g} "
                f"(allowed: {tolerance(old, before.answers)[i]:.2g} apart)"
            )
    return sorted(found)


def comparison(before: Results, after: Results) -> Table:
    """A row for each case of both runs: medians, their ratio, and whether the learning curve is the same.

    "machine" is how much faster the machine's matrix products were in the second run; a ratio like it shows
    another machine, not better code.
    """
    table = Table("case", title="before and after")
    for heading in ("ms before", "ms after", "times as fast", "machine", "peak MB before", "after"):
        table.add_column(heading, justify="right")
    table.add_column("learning curve")
    old_rows = {row.key: row for row in before.rows}
    for new in after.rows:
        if new.key in old_rows:
            table.add_row(*_cells(old_rows[new.key], new))
    return table


def _cells(old: Row, new: Row) -> Iterator[str]:
    yield new.key
    for row in (old, new):
        spread = row.milliseconds
        yield f"{spread.median:.3g} ({spread.low:.3g} to {spread.high:.3g})"
    yield f"{old.milliseconds.median / new.milliseconds.median:.2f}"
    yield f"{statistics.median(new.rates) / statistics.median(old.rates):.2f}"
    yield f"{1e-6 * old.peak_bytes:.0f}"
    yield f"{1e-6 * new.peak_bytes:.0f}"
    yield (
        "" if old.curve is None or new.curve is None else "; ".join(curve_differences(old, new)) or "the same"
    )


def unmatched(before: Results, after: Results) -> list[str]:
    """The cases that only one of both runs has."""
    old, new = {row.key for row in before.rows}, {row.key for row in after.rows}
    return [f"only before: {key}" for key in sorted(old - new)] + [
        f"only after: {key}" for key in sorted(new - old)
    ]
