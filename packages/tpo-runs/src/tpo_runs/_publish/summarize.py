"""Summarize a stored run: binned curves, and what was computed from every step."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from .._config import key_of
from .._errors import ConfigError
from .._files import write_derived_file
from .._paper import compare
from .._results import (
    CellResult,
    ExactFacts,
    bin_width,
    binned_curves,
    diverged_steps,
    final_error,
    highest_since_solved,
    relapses,
    steps_to_threshold,
    summarize_cell,
)
from .._store import Store
from .drawing import recorded
from .sources import stored_run
from .summary_file import RunSummary, summary_bytes

DIGITS = 4  # significant digits of numbers from which no interval is computed
# What a summary keeps of a provenance, with defaults.
FACTS = {
    "devices": [],
    "processor": "",
    "cpu_count": None,
    "xla_flags": "",
    "matmul_precision": None,
    "objective": {},
}


def write_summary(out: Path, to: Path | None = None) -> Path:
    """Write the summary of a run, complete or not, by default to `figures/summary.json` in it.

    Raises:
        ConfigError: see `summarize`.
        StorageError: the file cannot be written.
    """
    store = Store(out)
    return write_derived_file(to or store.summary, summary_bytes(summarize(store)))


def summarize(store: Store) -> RunSummary:
    """Summarize the cells of a run of which at least one seed is complete.

    Raises:
        ConfigError: there is no run or nothing of it is complete, or a file of it is damaged.
    """
    run = stored_run(store)
    if not run.cells:
        raise ConfigError([f"{store.root}: no block of seeds is complete yet: nothing to summarize"])
    results = recorded(run.cells, run.metric, store.manifest_path)
    cells = [_thinned(result, run.metric, run.threshold, _origins(store, result)) for result in results]
    return replace(run, cells=cells)


def _thinned(result: CellResult, metric: str, threshold: float, origins: list[dict[str, Any]]) -> CellResult:
    """The cell with one metric as binned curves, and the facts that need every step."""
    error = result.metric(metric)
    over_seeds = summarize_cell(result, threshold=threshold, metric=metric)
    rows = compare([result])
    exact = ExactFacts(
        metric=metric,
        threshold=threshold,
        final=final_error(result, metric=metric),
        first_below=np.array([steps_to_threshold(of_seed[None], threshold) for of_seed in error]),
        highest_since=_rounded(highest_since_solved(error, solved=threshold)),
        relapsed=relapses(error, solved=threshold),
        paper={row.number.name: row.of_seeds for row in rows if row.of_seeds is not None},
        crossing=(over_seeds.steps_to_threshold, over_seeds.steps_interval),
        paper_crossings={
            row.number.name: (row.ours, row.interval)
            for row in rows
            if row.of_seeds is None and not math.isnan(row.ours)
        },
    )
    width = bin_width(error)
    curves = np.repeat(_rounded(binned_curves(error, width)), width, axis=1)[:, : result.steps]
    steps = zip(result.seeds.tolist(), diverged_steps(result).tolist(), strict=True)
    facts = {
        "seconds": result.provenance["seconds"],
        "diverged": {str(seed): int(step) for seed, step in steps if math.isfinite(step)},
        "origins": origins,
    }
    metrics = {"error": np.full_like(curves, np.nan), metric: curves}
    return replace(result, metrics=metrics, provenance=facts, bin_width=width, exact=exact)


def _rounded(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    digits = [float(f"{value:.{DIGITS}g}") for value in values.ravel()]
    return np.array(digits).reshape(values.shape)


def _origins(store: Store, result: CellResult) -> list[dict[str, Any]]:
    """Where the seeds of a cell come from: one entry for the seeds with the same provenance."""
    found: dict[str, dict[str, Any]] = {}
    wanted = set(result.seeds.tolist())
    for block in store.blocks(key_of(result.spec)):
        seeds = sorted(wanted.intersection(block.seeds))
        if not seeds:
            continue
        timing = block.timing()
        facts = _facts(block.provenance(), timing)
        seconds, dates = timing["seconds"], [timing.get("finished", "")] * 2
        if (same := json.dumps(facts)) in found:
            other = found[same]
            seeds, seconds = sorted([*other["seeds"], *seeds]), other["seconds"] + seconds
            dates = [min(*other["finished"], *dates), max(*other["finished"], *dates)]
        found[same] = {"seeds": seeds, **facts, "seconds": seconds, "finished": dates}
    return list(found.values())


def _facts(provenance: Mapping[str, Any], timing: Mapping[str, Any]) -> dict[str, Any]:
    git = provenance.get("git") or {}
    python = {"python": provenance["python"]} if "python" in provenance else {}
    return {
        "commit": git.get("commit"),
        "dirty": git.get("dirty", False),
        "versions": python | provenance.get("versions", {}),
        **{name: provenance.get(name, absent) for name, absent in FACTS.items()},
        "host": timing.get("host", ""),
    }
