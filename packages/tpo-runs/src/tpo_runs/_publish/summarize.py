"""The summary of a stored run: small enough to keep where its store does not stay."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from .._config import key_of
from .._errors import ConfigError, as_storage_error
from .._files import write_named_file
from .._paper import PaperComparison, PaperNumber, compare, paper_numbers
from .._results import (
    CellResult,
    bin_width,
    binned_curves,
    diverged_steps,
    final_error,
    has_failed,
    highest_since_solved,
    relapses,
    steps_to_threshold,
    summarize_cell,
)
from .._store import MANIFEST, Store
from .draw import having
from .summary import NAME, CellRecord, Origin, PaperRecord, RunSummary, summary_bytes

DIGITS = 4  # significant; intervals are computed from ends, so those have all of theirs


def write_summary(out: Path, to: Path | None = None) -> Path:
    """Write the summary of a run.

    Args:
        out: the directory of a run's results, complete or not.
        to: the file; by default `figures/summary.json` in it.

    Returns:
        The file.

    Raises:
        ConfigError: there is no run in `out` or nothing of it is complete, or a file of it is damaged.
        StorageError: the file cannot be written.
    """
    store = Store(out)
    content = summary_bytes(summarize(store))
    path = to or store.figures / NAME
    with as_storage_error(path, "the results are intact; --to names another file"):
        write_named_file(path, content)
    return path


def summarize(store: Store) -> RunSummary:
    """The summary of the cells of which at least one seed is complete.

    Raises:
        ConfigError: there is no run or nothing of it is complete, or a file of it is damaged.
    """
    manifest, results = store.manifest(), store.results()
    if not results:
        raise ConfigError([f"{store.root}: no block of seeds is complete yet: nothing to summarize"])
    metric, threshold = manifest["metric"], manifest["threshold"]
    results = having(results, metric, store.root / MANIFEST)
    numbers = paper_numbers()
    return RunSummary(
        title=manifest["title"],
        paper=manifest["paper"],
        metric=metric,
        threshold=threshold,
        cells=[_cell(store, result, metric, threshold, numbers) for result in results],
    )


def _cell(
    store: Store, result: CellResult, metric: str, threshold: float, numbers: Sequence[PaperNumber]
) -> CellRecord:
    error = result.metric(metric)
    summary = summarize_cell(result, threshold=threshold, metric=metric)
    final = final_error(result, metric=metric)
    width = bin_width(error)
    key = key_of(result.spec)
    return CellRecord(
        method=result.method,
        point=dict(result.point),
        key=key,
        spec=dict(result.spec),
        seeds=result.seeds.tolist(),
        steps=result.steps,
        bin_width=width,
        curves=[rounded(curve) for curve in binned_curves(error, width)],
        final=final.tolist(),
        final_mean=summary.final.mean,
        final_interval=summary.final.interval,
        first_below=[steps_to_threshold(of_seed[None], threshold) for of_seed in error],
        highest_since=rounded(highest_since_solved(error, solved=threshold)),
        failed=result.seeds[has_failed(final)].tolist(),
        relapsed=result.seeds[relapses(error, solved=threshold)].tolist(),
        diverged=_diverged(result),
        crossing=summary.steps_to_threshold,
        crossing_interval=summary.steps_interval,
        seconds=result.provenance["seconds"],
        origins=_origins(store, key, set(result.seeds.tolist())),
        paper=[_beside(row) for row in compare([result], numbers)],
    )


def _diverged(result: CellResult) -> dict[str, int]:
    steps = diverged_steps(result).tolist()
    return {
        str(seed): int(step) for seed, step in zip(result.seeds, steps, strict=True) if math.isfinite(step)
    }


def rounded(values: Float[np.ndarray, " n"] | list[float]) -> list[float]:
    """Values with four significant digits.

    >>> rounded([0.123456, 2.0])
    [0.1235, 2.0]
    """
    return [float(f"{value:.{DIGITS}g}") for value in values]


def _origins(store: Store, key: str, wanted: set[int]) -> list[Origin]:
    """One for each set of surroundings in which seeds of the cell were trained."""
    found: dict[str, Origin] = {}
    for block in store.blocks(key):
        if not (seeds := sorted(wanted.intersection(block.seeds))):
            continue
        origin = _origin(block.provenance(), block.timing(), seeds)
        surroundings = origin.model_dump_json(exclude={"seeds", "seconds", "finished"})
        found[surroundings] = _together(found[surroundings], origin) if surroundings in found else origin
    return list(found.values())


def _origin(facts: Mapping[str, Any], timing: Mapping[str, Any], seeds: list[int]) -> Origin:
    git = facts.get("git") or {}
    python = {"python": facts["python"]} if "python" in facts else {}
    return Origin(
        seeds=seeds,
        commit=git.get("commit"),
        dirty=git.get("dirty", False),
        versions=python | facts.get("versions", {}),
        devices=facts.get("devices", []),
        processor=facts.get("processor", ""),
        cpu_count=facts.get("cpu_count"),
        xla_flags=facts.get("xla_flags", ""),
        matmul_precision=facts.get("matmul_precision"),
        objective=facts.get("objective", {}),
        host=timing.get("host", ""),
        seconds=timing["seconds"],
        finished=(timing.get("finished", ""),) * 2,
    )


def _together(first: Origin, second: Origin) -> Origin:
    dates = [*first.finished, *second.finished]
    return first.model_copy(
        update={
            "seeds": sorted([*first.seeds, *second.seeds]),
            "seconds": first.seconds + second.seconds,
            "finished": (min(dates), max(dates)),
        }
    )


def _beside(row: PaperComparison) -> PaperRecord:
    number, cell = row.number, row.cell
    return PaperRecord(
        source=number.source,
        quantity=number.quantity,
        method=number.method,
        conditions=number.label,
        paper=number.printed,
        bound=number.bound,
        ours=row.ours,
        interval=row.interval,
        verdict=row.verdict,
        of_seeds=None if row.of_seeds is None else row.of_seeds.tolist(),
        seeds=(len(cell.seeds), number.seeds),
        steps=(cell.steps, number.steps),
    )
