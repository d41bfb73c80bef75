"""Write a run's summary as JSON."""

import json
import math
from collections.abc import Mapping
from typing import Any

from .._config import key_of
from .._files import digest, json_bytes
from .._paper import PaperComparison, compare
from .._results import CellResult, has_failed, summarize_cell
from .summary import NEVER, VERSION, RunSummary


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
