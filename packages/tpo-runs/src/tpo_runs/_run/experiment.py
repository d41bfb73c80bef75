"""One run: train the cells that the store lacks, then draw its figures."""

import importlib
from collections.abc import Iterable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

from .._config import Cell, LoadedConfig, is_tuned
from .._console import make_console, print_line
from .._errors import as_storage_error
from .._signals import StopSignals
from .._store import Store, check_output, check_same_settings, locked, manifest, replaced_cells
from .block import RunContext
from .blocks import Block, blocks_of
from .build import build_task
from .devices import check_devices, set_up_jax
from .display import make_display
from .events import JsonDisplay
from .executor import make_executor, train_all
from .jax_settings import fixed_settings
from .longer import go_on
from .machine import changes, origin
from .mixing import check_not_mixed
from .on_slurm import cancel_earlier_jobs
from .own_parts import check_own_parts
from .progress import Reporter
from .replacement import Replacement
from .space import check_space, check_writable
from .tracking import Trackers
from .tuning import tuned
from .warm_start import check_starts

FAILED, DIVERGED = 1, 3


class RunOptions(NamedTuple):
    """Options that change no result.

    Args:
        short: whether compilation takes longer than training.
        overwrite: whether to train stored cells again.
        quiet: whether to print only warnings and errors.
        json: whether to print events instead of lines.
        draw: whether to draw figures and tables at the end.
    """

    short: bool = False
    overwrite: bool = False
    quiet: bool = False
    json: bool = False
    draw: bool = True


def run(loaded: LoadedConfig, out: Path, stop: StopSignals, options: RunOptions) -> int:
    """Train, store and draw. Stored seeds are skipped, and blocks resume from their last checkpoint.

    Values that `[tune]` lists are chosen first; `overwrite` keeps their candidates.

    Returns the exit code.

    Raises:
        ConfigError: the output directory is not suitable, or a data set is not available.
        StorageError: a file cannot be written.
        Stopped: a signal arrived, and a checkpoint was saved.
    """
    store = Store(out)
    if is_tuned(loaded.config):
        check_output(store.root)
        candidates = options._replace(overwrite=False, draw=False)

        def train(stage: LoadedConfig) -> bool:
            return _run(stage, store.tuning, stop, candidates) != FAILED

        found = tuned(loaded, store.tuning, train)
        if found is None:
            return FAILED
        loaded, choices = found
        with as_storage_error(store.tuning.root, "the candidates are intact"):
            store.tuning.write_choices(choices)
    return _run(loaded, store, stop, options)


def _run(loaded: LoadedConfig, store: Store, stop: StopSignals, options: RunOptions) -> int:
    check_output(store.root)
    set_up_jax(short=options.short)
    check_devices()
    for cell in loaded.cells:
        # Fails on missing data or models before anything is written.
        build_task(cell)
    check_own_parts(loaded.cells)
    check_starts(loaded.cells)
    check_writable(store.root)
    with fixed_settings() as (notes, debugging), locked(store.root) as takeover:
        notes += [takeover] if takeover else []
        for cell in loaded.cells:
            store.adopt(cell)
        if not options.overwrite:
            check_same_settings(loaded, store)
            go_on(loaded, store)
        notes += cancel_earlier_jobs(store)
        store.remove_unfinished()
        return _train_and_draw(loaded, store, options, stop, notes, debugging)


def _train_and_draw(
    loaded: LoadedConfig,
    store: Store,
    options: RunOptions,
    stop: StopSignals,
    notes: list[str],
    debugging: tuple[str, ...],
) -> int:
    # Two methods may share a cell, which is trained once.
    cells: dict[str, Cell] = {}
    for cell in loaded.cells:
        cells.setdefault(cell.key, cell)
    # A marked cell was not reached by an earlier run with --overwrite.
    replaced = {key for key in cells if options.overwrite or store.is_marked_for_replacement(key)}
    stored = [cell for key, cell in cells.items() if key not in replaced]
    dropped = replaced_cells(loaded, store) - replaced if options.overwrite else set()
    with as_storage_error(store.root, "nothing was trained"):
        missing = {cell.key: _missing_blocks(cell, store) for cell in stored}
    check_not_mixed(missing, store)
    blocks = [block for key in cells for block in missing.get(key, blocks_of(cells[key]))]
    check_space(store.root, blocks, sum(map(store.bytes_of_cell, replaced | dropped)))
    bare = options.quiet or options.json
    console = make_console(stderr=bare)
    events = JsonDisplay() if options.json else None
    with events or make_display(console, quiet=options.quiet) as display:
        reporter = Reporter(display, len(blocks), sum(block.cell.schedule.steps for block in blocks))
        for text in notes:
            reporter.warn(text)

        def write_run() -> None:
            for text in store.write_run(manifest(loaded, store), loaded.config):
                reporter.warn(text)

        # With --overwrite, the earlier manifest stays as long as the earlier results.
        later = options.overwrite and store.has_manifest()
        replacement = Replacement(store, replaced, dropped, write_run if later else lambda: None)
        trackers = Trackers(loaded.config.tracking, store, reporter.warn)
        context = RunContext(store, reporter, stop, trackers, replacement, debugging)
        try:
            spec = loaded.config.executor
            executor = make_executor(spec, loaded.path, context, short=options.short) if blocks else None
            with closing(executor) if executor else nullcontext():
                with as_storage_error(store.root, "nothing was trained"):
                    store.discard_errors()
                    if not later:
                        write_run()
                reporter.run(loaded, store.root)
                _report_stored(stored, missing, store, reporter)
                trackers.begin_run(loaded, stored)
                with stop.polled():
                    failed = train_all(blocks, executor, context) if executor else []
        finally:
            trackers.close()
    code = FAILED if failed else DIVERGED if _any_diverged(loaded.cells, store) else 0
    if not options.draw:
        return code
    publish = importlib.import_module("tpo_runs._publish")
    with as_storage_error(store.figures, "the results are intact; rerun to draw them"):
        files = [str(file) for file in publish.draw(store, console, tables=not bare)]
    if events:
        summary = publish.summary_records(store)
        events.emit("end", code=code, failed=failed, files=files, summary=summary)
    elif not bare:
        lines = [f"figures and tables: {', '.join(files)}"] if files else []
        lines += [f"failed: {'; '.join(failed)}"] if failed else []
        for line in lines:
            print_line(console, line)
    return code


def _missing_blocks(cell: Cell, store: Store) -> list[Block]:
    """The missing blocks of a cell. Repairs what a killed run left."""
    if store.has_cell(cell.key):
        store.write_spec(cell)
        store.remove_spent_checkpoints(cell.key)
    return blocks_of(cell, store.finished_seeds(cell.key))


def _report_stored(
    cells: Iterable[Cell], missing: dict[str, list[Block]], store: Store, reporter: Reporter
) -> None:
    """Report complete cells, and warn of results of other versions."""
    for cell in cells:
        if not missing[cell.key]:
            reporter.note(f"{cell.label}: already complete in {store.root}")
        now = origin(cell)
        differences = [text for earlier in store.provenances(cell.key) for text in changes(earlier, now)]
        if differences:
            text = "; ".join(dict.fromkeys(differences))
            reporter.warn(f"{cell.label}: trained with other versions: {text}; --overwrite trains it again")


def _any_diverged(cells: Sequence[Cell], store: Store) -> bool:
    return any(
        int(seed) in cell.seeds
        for cell in cells
        for record in store.provenances(cell.key)
        for seed in record["diverged"]
    )
