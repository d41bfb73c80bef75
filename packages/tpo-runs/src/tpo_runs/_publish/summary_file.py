"""`summary.json`: the numbers of a run in a file that is small enough to keep without the store."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from .._config import key_of
from .._errors import ConfigError
from .._files import DamagedError, digest, json_bytes, unsealed
from .._paper import PaperComparison, compare, name_of
from .._results import CellResult, ExactFacts, has_failed, summarize_cell

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


def summary_bytes(summary: RunSummary) -> bytes:
    """The content of the file, with a hash of itself. The same summary gives the same bytes."""
    value = {
        "version": VERSION,
        "title": summary.title,
        "paper": summary.paper,
        "metric": summary.metric,
        "threshold": summary.threshold,
        "cells": [_record(cell, summary.metric, summary.threshold) for cell in summary.cells],
    }
    return (_text({**value, "sha256": digest(json_bytes(value))}) + "\n").encode()


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


def _record(cell: CellResult, metric: str, threshold: float) -> dict[str, Any]:
    exact, facts = cell.exact, cell.provenance
    assert exact is not None
    over_seeds = summarize_cell(cell, threshold=threshold, metric=metric)
    return {
        "method": cell.method,
        "point": dict(cell.point),
        "key": key_of(cell.spec),
        "spec": dict(cell.spec),
        "seeds": cell.seeds.tolist(),
        "steps": cell.steps,
        "bin_width": cell.bin_width,
        "curves": _plain(cell.metric(metric)[:, :: cell.bin_width].tolist()),
        "final": _plain(exact.final.tolist()),
        "final_mean": _plain(over_seeds.final.mean),
        "final_interval": _plain(over_seeds.final.interval),
        "first_below": _plain(exact.first_below.tolist()),
        "highest_since": _plain(exact.highest_since.tolist()),
        "failed": cell.seeds[has_failed(exact.final)].tolist(),
        "relapsed": cell.seeds[exact.relapsed].tolist(),
        "diverged": dict(facts["diverged"]),
        "crossing": _plain(over_seeds.steps_to_threshold),
        "crossing_interval": _plain(over_seeds.steps_interval),
        "crossing_precision": 1 if exact.crossing else cell.bin_width,
        "seconds": _plain(facts["seconds"]),
        "origins": [{**origin, "seconds": _plain(origin["seconds"])} for origin in facts["origins"]],
        "paper": [_paper_record(row) for row in compare([cell])],
        **({"samples": [dict(sample) for sample in cell.samples]} if cell.samples else {}),
    }


def _paper_record(row: PaperComparison) -> dict[str, Any]:
    number = row.number
    return {
        "source": number.source,
        "quantity": number.quantity,
        "method": number.method,
        "conditions": dict(number.label),
        "paper": _plain(number.printed),
        "bound": number.bound,
        "ours": _plain(row.ours),
        "interval": _plain(row.interval),
        "verdict": row.verdict,
        **({} if math.isnan(row.p_value) else {"p_value": _plain(row.p_value)}),
        "of_seeds": None if row.of_seeds is None else _plain(row.of_seeds.tolist()),
        "seeds": [len(row.cell.seeds), number.seeds],
        "steps": [row.cell.steps, number.steps],
        "precision": row.precision,
    }


def _cell(record: Mapping[str, Any], metric: str, threshold: float) -> CellResult:
    """What `_record` describes."""
    width, seeds = record["bin_width"], np.array(record["seeds"])
    curves = np.repeat(_numbers(record["curves"]), width, axis=1)[:, : record["steps"]]
    rows = {
        name_of(row["source"], row["quantity"], row["method"], row["conditions"]): row
        for row in record["paper"]
    }
    exact = ExactFacts(
        metric=metric,
        threshold=threshold,
        final=_numbers(record["final"]),
        first_below=_numbers(record["first_below"]),
        highest_since=_numbers(record["highest_since"]),
        relapsed=np.isin(seeds, record["relapsed"]),
        paper={name: _numbers(row["of_seeds"]) for name, row in rows.items() if row["of_seeds"]},
    )
    if record.get("crossing_precision", 1) == 1:
        steps = {
            name: _crossing(row["ours"], row["interval"])
            for name, row in rows.items()
            if row["of_seeds"] is None and row["ours"] is not None
        }
        crossing = _crossing(record["crossing"], record["crossing_interval"])
        exact = replace(exact, crossing=crossing, paper_crossings=steps)
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


def _crossing(step: Any, interval: Sequence[Any]) -> tuple[float, tuple[float, float]]:
    step, low, high = _numbers([step, *interval]).tolist()
    return step, (low, high)


def _numbers(values: Any) -> Float[np.ndarray, "..."]:
    found = np.array(values, dtype=object)
    found[found == NEVER] = math.inf
    return found.astype(np.float64)  # null becomes NaN


def _plain(value: Any) -> Any:
    """Numbers for JSON: an unknown number is null, a step that never comes is "never"."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if math.isnan(value):
        return None
    if math.isinf(value):
        return NEVER
    return int(value) if value == int(value) else value


def _text(value: Any, margin: str = "") -> str:
    """JSON with one line per innermost list or table, so that a diff shows which curves differ."""
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    if not any(isinstance(item, list | Mapping) for item in items):
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    inner = margin + " "
    if isinstance(value, Mapping):
        lines = [f"{inner}{json.dumps(key)}: {_text(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
    return "[\n" + ",\n".join(inner + _text(item, inner) for item in value) + f"\n{margin}]"
