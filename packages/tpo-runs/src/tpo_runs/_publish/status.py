"""What the report says besides numbers: which cells are complete, which failed, and provenance."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .._results import CellResult
from .._store import FACTS, Store
from .._text import cell_label, counted, spaced


class CellState(NamedTuple):
    """How much of a cell is stored, and the error of its last run, if it failed."""

    label: str
    key: str
    done: int
    wanted: int
    begun: bool
    failure: str

    @property
    def complete(self) -> bool:
        """Whether all wanted seeds are stored."""
        return self.done == self.wanted

    @property
    def words(self) -> str:
        """The state in words."""
        if self.complete:
            return "complete"
        if self.failure:
            return f"failed with {self.done} of {counted(self.wanted, 'seed')}"
        begun = ", training has begun" if self.begun else ""
        return f"{self.done} of {counted(self.wanted, 'seed')}{begun}" if self.done or begun else "not begun"


def cell_states(store: Store, manifest: Mapping[str, Any]) -> list[CellState]:
    """The state of every cell of the manifest."""
    states = []
    for entry in manifest["cells"]:
        key, wanted = entry["key"], set(entry["seeds"])
        label, done = cell_label(entry["method"], entry["point"]), len(store.finished_seeds(key) & wanted)
        begun, failure = store.has_checkpoints(key), store.failure(key)
        states.append(CellState(label, key, done, len(wanted), begun, failure))
    return states


def warnings_of(states: Sequence[CellState], results: Sequence[CellResult]) -> list[str]:
    """What readers need to know before they trust the numbers: one line per warning."""
    lines = [f"{state.label}: {state.words}: {state.failure}" for state in states if state.failure]
    unfinished = [state for state in states if not state.complete and not state.failure]
    if unfinished:
        named = "; ".join(f"{state.label}: {state.words}" for state in unfinished[:20])
        more = f"; and {len(unfinished) - 20} more" if len(unfinished) > 20 else ""
        lines.append(f"{counted(len(unfinished), 'cell')} of {len(states)} not complete: {named}{more}")
    for result in results:
        for seed, step in result.provenance.get("diverged", {}).items():
            label = cell_label(result.method, result.point)
            lines.append(f"{label}: seed {seed} diverged at step {step:,}: NaN or infinite, and frozen since")
    return lines


def provenances(store: Store, states: Sequence[CellState]) -> list[dict[str, Any]]:
    """One record for each distinct provenance (versions, device, commit), with the cells it applies to."""
    records: dict[str, dict[str, Any]] = {}
    for state in states:
        for record in store.provenances(state.key):
            facts = {name: record.get(name) for name in FACTS if record.get(name) not in (None, "", {}, [])}
            text = json.dumps(facts, sort_keys=True)
            cells = records.setdefault(text, {"facts": _flat(facts), "cells": {}})["cells"]
            cells[state.label] = cells.get(state.label, 0) + len(record["seeds"])
    return list(records.values())


def _flat(facts: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in facts.items():
        if name == "git":
            dirty = ", with changes that were not committed" if value.get("dirty") else ""
            flat["commit"] = f"{value.get('commit')}{dirty}"
        elif isinstance(value, Mapping):
            flat |= {key: str(item) for key, item in value.items()}
        else:
            flat[spaced(name)] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return flat
