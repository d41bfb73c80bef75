"""One run: train the cells that the store lacks, then draw what it holds."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from .._config import Cell, LoadedConfig
from .._console import make_console
from .._errors import as_storage_error
from .._signals import StopSignals
from .._store import Store, check_output, check_same_settings, locked, manifest, replaced_cells
from .block import Surroundings
from .blocks import Block, blocks_of, missing_blocks
from .devices import check_devices, set_up_jax
from .display import make_display
from .events import JsonDisplay
from .executor import Executor, make_executor
from .jax_settings import fixed_settings
from .machine import changes
from .mixing import check_not_mixed
from .on_slurm import cancel_earlier_jobs
from .origin import origin
from .progress import Reporter
from .queue import train_all
from .replacement import Replacement
from .space import check_space, check_writable
from .tracking import Trackers

FAILED, DIVERGED = 1, 3


class RunOptions(NamedTuple):
    """How a run is carried out; no number depends on it.

    Args:
        short: whether compiling takes longer than training.
        overwrite: whether to train again what is stored.
        quiet: whether to print only warnings and errors.
        json: whether to print events instead of lines.
    """

    short: bool = False
    overwrite: bool = False
    quiet: bool = False
    json: bool = False


def run(loaded: LoadedConfig, out: Path, stop: StopSignals, options: RunOptions) -> int:
    """Train, store, draw.

    Cells that are complete in the output directory are not trained again, and a block of seeds goes on from
    its last checkpoint, so the same command resumes a run.

    Args:
        loaded: the config.
        out: the output directory.
        stop: tells of signals.
        options: how it is carried out.

    Returns:
        The exit code.

    Raises:
        ConfigError: the output directory cannot take this run, or a data set cannot be had.
        StorageError: the disk does not take what has to be kept.
        Stopped: a signal has arrived, and all is saved.
    """
    store = Store(out)
    check_output(store.root)
    set_up_jax(short=options.short)
    check_devices()
    for cell in loaded.cells:
        # Missing data is told before anything is written or trained.
        cell.task.build()
    check_writable(store.root)
    with fixed_settings() as asked, locked(store.root) as takeover:
        notes = [*asked.ignored, takeover] if takeover else [*asked.ignored]
        for cell in loaded.cells:
            store.adopt(cell)
        if not options.overwrite:
            check_same_settings(loaded, store)
        notes += cancel_earlier_jobs(store.root)
        store.remove_unfinished()
        return _train_and_draw(loaded, store, options, stop, notes, asked.debugging)


def _train_and_draw(
    loaded: LoadedConfig,
    store: Store,
    options: RunOptions,
    stop: StopSignals,
    notes: list[str],
    debugging: tuple[str, ...],
) -> int:
    # Two methods may share a cell under different names; it is trained once.
    cells: dict[str, Cell] = {}
    for cell in loaded.cells:
        cells.setdefault(cell.key, cell)
    # An earlier run with --overwrite may have been stopped before it came to these.
    replaced = {key for key in cells if options.overwrite or store.is_marked_for_replacement(key)}
    dropped = replaced_cells(loaded, store) - replaced if options.overwrite else set()
    with as_storage_error(store.root, "nothing was trained"):
        blocks = {
            key: blocks_of(cell) if key in replaced else _missing_blocks(cell, store)
            for key, cell in cells.items()
        }
    wanted = [block for of_cell in blocks.values() for block in of_cell]
    check_not_mixed({key: blocks[key] for key in blocks if key not in replaced}, store)
    check_space(store.root, wanted, sum(map(store.bytes_of_cell, replaced | dropped)))
    bare = options.quiet or options.json
    console = make_console(stderr=bare)
    events = JsonDisplay() if options.json else None
    with events or make_display(console, quiet=options.quiet) as display:
        steps = sum(block.cell.schedule.steps for block in wanted)
        reporter = Reporter(display, len(wanted), steps)
        for text in notes:
            reporter.warn(text)

        def commit() -> None:
            for text in store.write_run(manifest(loaded, store), loaded.config):
                reporter.warn(text)

        trackers = Trackers(loaded.config.tracking, store, reporter.warn)
        # The manifest of the results that are replaced is replaced with the first of them.
        later = options.overwrite and store.has_manifest()
        replacement = Replacement(store, replaced, dropped, commit if later else lambda: None)
        around = Surroundings(store, reporter, stop, trackers, replacement, debugging)
        try:
            with _executor(wanted, loaded, around, short=options.short) as executor:
                # From here on, nothing refuses the run.
                with as_storage_error(store.root, "nothing was trained"):
                    store.discard_errors()
                    if not later:
                        commit()
                reporter.run(loaded, store.root)
                there = {key: cell for key, cell in cells.items() if key not in replaced}
                _tell_what_is_there(there, blocks, store, reporter)
                trackers.begin_run(loaded, there.values())
                with stop.polled():
                    failed = train_all(wanted, executor, around) if executor else []
        finally:
            trackers.close()
    code = FAILED if failed else DIVERGED if _any_diverged(loaded.cells, store) else 0
    drawing = importlib.import_module("tpo_runs._publish")
    with as_storage_error(store.figures, "the results are intact; rerun to draw them"):
        files = drawing.draw(store, console, tables=not bare)
    if events:
        names = [str(file) for file in files]
        events.emit("end", code=code, failed=failed, files=names, summary=drawing.summary_records(store))
    elif not bare:
        _say_the_end(console, failed, files)
    return code


def _missing_blocks(cell: Cell, store: Store) -> list[Block]:
    """Those of a cell, once its settings are there again and what a killed run has left is removed."""
    if store.has_cell(cell.key):
        store.write_spec(cell)
        store.remove_spent_checkpoints(cell.key)
    return missing_blocks(cell, store)


@contextmanager
def _executor(
    wanted: Sequence[Block], loaded: LoadedConfig, around: Surroundings, *, short: bool
) -> Iterator[Executor | None]:
    """The executor that the config asks for, until the run ends; none where nothing is trained."""
    if not wanted:
        yield None
        return
    with closing(make_executor(loaded.config.executor, loaded.path, around, short=short)) as executor:
        yield executor


def _say_the_end(console: Console, failed: Sequence[str], files: Sequence[Path]) -> None:
    lines = [f"figures and tables: {', '.join(str(file) for file in files)}"] if files else []
    lines += [f"failed, as told above: {'; '.join(failed)}"] if failed else []
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def _tell_what_is_there(
    cells: dict[str, Cell], blocks: dict[str, list[Block]], store: Store, reporter: Reporter
) -> None:
    """Which cells are complete, and what was computed with other versions than those of now."""
    for key, cell in cells.items():
        if not blocks[key]:
            reporter.note(f"{cell.label}: already complete in {store.root}")
        now = origin(cell)
        differences = [text for there in store.provenances(key) for text in changes(there, now)]
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
