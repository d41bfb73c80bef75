"""One run: train the cells that the store lacks, then draw what it holds."""

import importlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

from ._arguments import Arguments
from ._build import build_policy, build_task, build_trainer
from ._cells import Cell
from ._custom import resolve, search_paths
from ._devices import set_up_jax
from ._load import LoadedConfig
from ._progress import Reporter
from ._provenance import provenance
from ._results import point_label
from ._specs import Config, effective
from ._specs_objective import CustomSpec
from ._store import Store
from ._train import Trainer, TrainState, compile_chunk, initial_state, train

FILE_WIDTH = 140
COMPILED_AHEAD = 2


def run(loaded: LoadedConfig, arguments: Arguments) -> int:
    """Train, store, draw.

    Cells that are complete in the output directory are not trained again, so the same command resumes a run.

    Returns:
        The exit code.

    Raises:
        ConfigError: a data set cannot be had, or the output directory cannot be read.
    """
    console = _console()
    store = Store(arguments.out or _default_out(loaded.path, arguments.smoke))
    if arguments.list:
        console.print(_listing(loaded, store))
        return 0
    if arguments.overwrite:
        for cell in loaded.cells:
            store.remove_cell(cell.key)
    set_up_jax()
    for cell in loaded.cells:
        # Missing data is told before the first step of any cell.
        build_task(cell)
    store.write_manifest(_manifest(loaded, store))
    _train_missing(loaded, store, console, quiet=arguments.quiet)
    # Loaded while the last block trains: matplotlib and SciPy take over a second.
    files = importlib.import_module("._draw", __package__).draw(store, console)
    if not arguments.quiet:
        console.print(f"figures and tables: {', '.join(str(file) for file in files)}", soft_wrap=True)
    return 0


def _console() -> Console:
    """The terminal; a file or a pipe, which has no width, gets room for whole tables."""
    console = Console()
    return console if console.is_terminal else Console(width=FILE_WIDTH)


def _default_out(config: Path, smoke: bool) -> Path:
    return Path("results") / (f"{config.stem}-smoke" if smoke else config.stem)


def _seeds(cell: Cell) -> range:
    return range(cell.schedule.first_seed, cell.schedule.first_seed + cell.schedule.seeds)


def _missing_blocks(cell: Cell, store: Store) -> Iterator[list[int]]:
    """The seeds that the store lacks, in blocks that are trained together."""
    finished = store.finished_seeds(cell.key)
    missing = [seed for seed in _seeds(cell) if seed not in finished]
    for start in range(0, len(missing), cell.schedule.block):
        yield missing[start : start + cell.schedule.block]


class _Block(NamedTuple):
    """Seeds of a cell that are trained together."""

    cell: Cell
    seeds: list[int]
    trainer: Trainer


def _train_missing(loaded: LoadedConfig, store: Store, console: Console, *, quiet: bool) -> None:
    # Two methods may share a cell under different names; it is trained once.
    cells = {cell.key: cell for cell in reversed(loaded.cells)}
    work = {key: list(_missing_blocks(cell, store)) for key, cell in reversed(cells.items())}
    total = sum(cells[key].schedule.steps * len(blocks) for key, blocks in work.items())
    with Reporter(console, total, quiet=quiet) as reporter:
        blocks = []
        for key, seed_blocks in work.items():
            if not seed_blocks:
                reporter.note(f"{_label(cells[key])}: already complete in {store.root}")
                continue
            trainer = build_trainer(cells[key], _custom(cells[key], loaded.path))
            blocks += [_Block(cells[key], seeds, trainer) for seeds in seed_blocks]
        for block, state in _compiled_ahead(blocks):
            _train_block(block, state, store, reporter)


def _compiled_ahead(blocks: Sequence[_Block]) -> Iterator[tuple[_Block, TrainState]]:
    """The blocks with their initial states, each compiled while the one before it trains."""
    with ThreadPoolExecutor(COMPILED_AHEAD) as pool:
        waiting = iter(blocks)
        ahead = deque((block, pool.submit(_prepare, block)) for block in islice(waiting, COMPILED_AHEAD))
        pool.submit(importlib.import_module, "._draw", __package__)
        while ahead:
            block, prepared = ahead.popleft()
            state = prepared.result()
            ahead.extend((block, pool.submit(_prepare, block)) for block in islice(waiting, 1))
            yield block, state


def _prepare(block: _Block) -> TrainState:
    seeds = jnp.asarray(block.seeds)
    state = initial_state(block.trainer, build_policy(block.cell), seeds)
    return compile_chunk(block.trainer, state, seeds, block.cell.schedule.steps)


def _train_block(block: _Block, state: TrainState, store: Store, reporter: Reporter) -> None:
    cell, seeds = block.cell, block.seeds
    reporter.block(f"{_label(cell)}, seeds {seeds[0]} to {seeds[-1]}")
    chunks = []
    for _, chunk in train(block.trainer, state, jnp.asarray(seeds), cell.schedule.steps):
        chunks.append(chunk)
        reporter.advance(chunk.stop - chunk.start, chunk.stop, float(chunk.metrics["error"][:, -1].mean()))
    metrics = {
        name: np.concatenate([chunk.metrics[name] for chunk in chunks], axis=1) for name in chunks[0].metrics
    }
    seconds = {"seconds": sum(chunk.seconds for chunk in chunks)}
    store.write_block(cell, seeds, metrics, {**provenance(), **seconds})


def _custom(cell: Cell, config: Path) -> Any:
    if not isinstance(cell.objective, CustomSpec):
        return None
    return resolve(cell.objective.kind, cell.objective.keywords, search_paths(config))


def _label(cell: Cell) -> str:
    point = point_label(cell.point)
    return f"{cell.method}, {point}" if point else cell.method


def _manifest(loaded: LoadedConfig, store: Store) -> dict[str, Any]:
    """The run's manifest. Methods and grid points of earlier runs with the same settings stay in it."""
    settings = _settings(loaded.config)
    entries = {_place(entry): entry for entry in _earlier_entries(store, settings)}
    for cell in loaded.cells:
        entry = {
            "method": cell.method,
            "point": dict(cell.point),
            "key": cell.key,
            "seeds": list(_seeds(cell)),
        }
        entries[_place(entry)] = entry
    config = loaded.config
    return {
        "title": config.title,
        "paper": config.paper,
        "figures": effective(config)["figures"],
        "metric": config.metric,
        "threshold": config.threshold,
        "settings": settings,
        "cells": list(entries.values()),
    }


def _settings(config: Config) -> dict[str, Any]:
    names = ["title", "task", "policy", "optimizer", "schedule"]
    names += ["evaluation"] if config.evaluation.measures else []
    shared = {name: effective(config)[name] for name in names}
    return {**shared, "schedule": {**shared["schedule"], "seeds": None, "first_seed": None}}


def _earlier_entries(store: Store, settings: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    if not store.has_manifest():
        return []
    earlier = store.manifest()
    return earlier["cells"] if earlier["settings"] == settings else []


def _place(entry: Mapping[str, Any]) -> tuple[str, str]:
    return entry["method"], repr(sorted(entry["point"].items()))


def _listing(loaded: LoadedConfig, store: Store) -> Table:
    table = Table("cell", "method", "grid point", "steps", "seeds", "state", title=str(store.root))
    for cell in loaded.cells:
        wanted = _seeds(cell)
        done = len(store.finished_seeds(cell.key).intersection(wanted))
        state = (
            "complete" if done == len(wanted) else f"{done} of {len(wanted)} seeds" if done else "not begun"
        )
        table.add_row(
            cell.key,
            cell.method,
            point_label(cell.point),
            f"{cell.schedule.steps:,}",
            str(len(wanted)),
            state,
        )
    return table
