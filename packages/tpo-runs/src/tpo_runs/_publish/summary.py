"""`summary.json`: the numbers of a run in a file that is small enough to keep without the store."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from .._errors import ConfigError
from .._files import DamagedError, unsealed
from .._paper import name_of
from .._results import CellResult, ExactFacts

NEVER = "never"
VERSION = 1


@dataclass(frozen=True)
class RunSummary:
    """A run: its title, its place in the paper, what counts as the error and as solved, and its cells.

    The curves of a cell are means over bins of steps; `CellResult.exact` holds what was computed from every
    step, and `CellResult.provenance` the `seconds`, `diverged` seeds and `origins`.
    """

    title: str
    paper: str
    metric: str
    threshold: float
    cells: Sequence[CellResult]


def read_summary(path: Path) -> RunSummary:
    """Read a file that `tpo-runs summarize` wrote.

    Raises:
        ConfigError: it is missing, damaged, or of another version.
    """
    fix = "write it again with tpo-runs summarize OUT"
    try:
        value = unsealed(path, exactly=False)
    except DamagedError as error:
        raise ConfigError([f"{error}; {fix}"]) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; {fix}"]) from None
    try:
        if value["version"] != VERSION:
            raise KeyError("version")
        metric, threshold = value["metric"], value["threshold"]
        cells = [_cell(record, metric, threshold) for record in value["cells"]]
        return RunSummary(value["title"], value["paper"], metric, threshold, cells)
    except (KeyError, TypeError, ValueError) as error:
        formats = f"format {value.get('version')}; this version reads format {VERSION}"
        fault = f"written by another version of tpo-runs ({formats}), which differs in {error}"
        raise ConfigError([f"{path}: {fault}; {fix}"]) from None


def _cell(record: Mapping[str, Any], metric: str, threshold: float) -> CellResult:
    width, seeds = record["bin_width"], np.array(record["seeds"])
    curves = np.repeat(_numbers(record["curves"]), width, axis=1)[:, : record["steps"]]
    rows = {_name(row): row for row in record["paper"]}
    coarse = record.get("crossing_precision", 1) > 1
    steps = {
        name: _crossing(row["ours"], row["interval"])
        for name, row in rows.items()
        if row["of_seeds"] is None and row["ours"] is not None
    }
    exact = ExactFacts(
        metric=metric,
        threshold=threshold,
        final=_numbers(record["final"]),
        first_below=_numbers(record["first_below"]),
        highest_since=_numbers(record["highest_since"]),
        relapsed=np.isin(seeds, record["relapsed"]),
        paper={name: _numbers(row["of_seeds"]) for name, row in rows.items() if row["of_seeds"]},
        crossing=None if coarse else _crossing(record["crossing"], record["crossing_interval"]),
        paper_crossings={} if coarse else steps,
    )
    return CellResult(
        method=record["method"],
        point=record["point"],
        spec=record["spec"],
        seeds=seeds,
        metrics={"error": np.full_like(curves, np.nan), metric: curves},
        provenance={name: record[name] for name in ("seconds", "diverged", "origins")},
        bin_width=width,
        exact=exact,
        samples=record.get("samples", ()),
    )


def _name(row: Mapping[str, Any]) -> tuple[str, ...]:
    return name_of(row["source"], row["quantity"], row["method"], row["conditions"])


def _crossing(step: Any, interval: Sequence[Any]) -> tuple[float, tuple[float, float]]:
    low, high = _numbers(interval).tolist()
    return _number(step), (low, high)


def _numbers(values: Sequence[Any]) -> Float[np.ndarray, "..."]:
    """The array in a list or in a list of lists that `_plain` wrote."""
    if values and isinstance(values[0], list):
        return np.array([_numbers(row) for row in values])
    return np.array([_number(value) for value in values], dtype=np.float64)


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    return math.inf if value == NEVER else float(value)
