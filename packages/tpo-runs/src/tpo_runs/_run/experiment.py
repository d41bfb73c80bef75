"""One run: train the cells that the store lacks, then draw its figures."""

import importlib
from collections.abc import Sequence
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
from .display import JsonDisplay, make_display
from .executor import make_executor, train_all
from .jax_settings import fixed_settings
from .longer import continue_longer
from .machine import changes, origin
from .mixing import check_not_mixed
from .on_slurm import cancel_earlier_jobs
from .own_parts import check_own_parts
from .progress import Display
from .replacement import Replacement
from .space import check_space, check_writable
from .tracking import Trackers
from .tuning import tuned
from .warm_start import check_starts

FAILED, DIVERGED = 1, 3


class RunOptions(NamedTuple):
    """Options that change no result."""

    short: bool = False  # compilation takes longer than training
    overwrite: bool = False  # train stored cells again
    quiet: bool = False  # print only warnings and errors
    json: bool = False  # print events instead of lines
    draw: bool = True  # figures and tables at the end


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
            return _Run(stage, store.tuning, stop, candidates).run() != FAILED

        found = tuned(loaded, store.tuning, train)
        if found is None:
            return FAILED
        loaded, choices = found
        with as_storage_error(store.tuning.root, "the candidates are intact"):
            store.tuning.write_choices(choices)
    return _Run(loaded, store, stop, options).run()


class _Plan(NamedTuple):
    """What a run does with each of its cells."""

    stored: list[Cell]  # whose earlier results stay
    missing: dict[str, list[Block]]  # of each of these, by key
    blocks: list[Block]  # to train, of all cells
    replaced: set[str]  # keys of cells that are trained again
    dropped: set[str]  # keys of cells that belong to the run in the store, but not to this one


class _Run(NamedTuple):
    """A run of the cells of a config, whose values are all chosen."""

    loaded: LoadedConfig
    store: Store
    stop: StopSignals
    options: RunOptions

    def run(self) -> int:
        """Check, train and draw. Returns the exit code."""
        loaded, store = self.loaded, self.store
        check_output(store.root)
        set_up_jax(short=self.options.short)
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
            if not self.options.overwrite:
                check_same_settings(loaded, store)
                continue_longer(loaded, store)
            notes += cancel_earlier_jobs(store)
            store.remove_unfinished()
            return self._train_and_draw(self._plan(), notes, debugging)

    def _plan(self) -> _Plan:
        store, overwrite = self.store, self.options.overwrite
        # Two methods may share a cell, which is trained once.
        cells: dict[str, Cell] = {}
        for cell in self.loaded.cells:
            cells.setdefault(cell.key, cell)
        # A marked cell was not reached by an earlier run with --overwrite.
        replaced = {key for key in cells if overwrite or store.is_marked_for_replacement(key)}
        stored = [cell for key, cell in cells.items() if key not in replaced]
        dropped = replaced_cells(self.loaded, store) - replaced if overwrite else set()
        with as_storage_error(store.root, "nothing was trained"):
            missing = {cell.key: _missing_blocks(cell, store) for cell in stored}
        check_not_mixed(missing, store)
        blocks = [block for key in cells for block in missing.get(key, blocks_of(cells[key]))]
        check_space(store.root, blocks, sum(map(store.bytes_of_cell, replaced | dropped)))
        return _Plan(stored, missing, blocks, replaced, dropped)

    def _train_and_draw(self, plan: _Plan, notes: list[str], debugging: tuple[str, ...]) -> int:
        store, options = self.store, self.options
        bare = options.quiet or options.json
        console = make_console(stderr=bare)
        size = len(plan.blocks), sum(block.cell.schedule.steps for block in plan.blocks)
        events = JsonDisplay(*size) if options.json else None
        with events or make_display(console, *size, quiet=options.quiet) as display:
            for text in notes:
                display.warn(text)
            failed = self._train(plan, display, debugging)
        code = FAILED if failed else DIVERGED if _any_diverged(self.loaded.cells, store) else 0
        if not options.draw:
            return code
        publish = importlib.import_module("tpo_runs._publish")
        with as_storage_error(store.figures, "the results are intact; rerun to draw them"):
            files = [str(file) for file in publish.draw(store, console, tables=not bare)]
        if events:
            summary = publish.summary_records(store)
            events.emit("end", code=code, failed=failed, files=files, summary=summary)
        elif not bare:
            if files:
                print_line(console, f"figures and tables: {', '.join(files)}")
            if failed:
                print_line(console, f"failed: {'; '.join(failed)}")
        return code

    def _train(self, plan: _Plan, display: Display, debugging: tuple[str, ...]) -> list[str]:
        """Train the blocks of a plan. Returns the labels of the cells that failed."""
        loaded, store = self.loaded, self.store

        def write_run() -> None:
            for text in store.write_run(manifest(loaded, store), loaded.config):
                display.warn(text)

        # With --overwrite, the earlier manifest stays as long as the earlier results.
        later = self.options.overwrite and store.has_manifest()
        replacement = Replacement(store, plan.replaced, plan.dropped, write_run if later else None)
        trackers = Trackers(loaded.config.tracking, store, display.warn)
        context = RunContext(store, display, self.stop, trackers, replacement, debugging)
        try:
            spec, short = loaded.config.executor, self.options.short
            executor = make_executor(spec, loaded.path, context, short=short) if plan.blocks else None
            with closing(executor) if executor else nullcontext():
                with as_storage_error(store.root, "nothing was trained"):
                    store.discard_errors()
                    if not later:
                        write_run()
                display.run(loaded, store.root)
                _report_stored(plan, store, display)
                trackers.begin_run(loaded, plan.stored)
                with self.stop.polled():
                    return train_all(plan.blocks, executor, context) if executor else []
        finally:
            trackers.close()


def _missing_blocks(cell: Cell, store: Store) -> list[Block]:
    """The missing blocks of a cell. Repairs what a killed run left."""
    if store.has_cell(cell.key):
        store.write_spec(cell)
        store.remove_spent_checkpoints(cell.key)
    return blocks_of(cell, store.finished_seeds(cell.key))


def _report_stored(plan: _Plan, store: Store, display: Display) -> None:
    """Report complete cells, and warn of results of other versions."""
    for cell in plan.stored:
        if not plan.missing[cell.key]:
            display.note(f"{cell.label}: already complete in {store.root}")
        now = origin(cell)
        differences = [text for earlier in store.provenances(cell.key) for text in changes(earlier, now)]
        if differences:
            text = "; ".join(dict.fromkeys(differences))
            display.warn(f"{cell.label}: trained with other versions: {text}; --overwrite trains it again")


def _any_diverged(cells: Sequence[Cell], store: Store) -> bool:
    return any(
        int(seed) in cell.seeds
        for cell in cells
        for record in store.provenances(cell.key)
        for seed in record["diverged"]
    )
