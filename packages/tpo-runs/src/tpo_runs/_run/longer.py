"""Training a stored run for more steps: its final state becomes a checkpoint of the longer run."""

from .._config import Cell, LoadedConfig
from .._errors import ConfigError
from .._store import Store, longer_cells
from .._text import counted, found
from .blocks import blocks_of
from .checkpoint import CheckpointError, Checkpoints, checkpoints_of, kept_ends, kept_policies
from .progress import seed_words


def continue_longer(loaded: LoadedConfig, store: Store) -> None:
    """Continue stored cells that now have more steps from their final states.

    The shorter cells stay as they are. Seeds in training continue from their last checkpoints.
    """
    longer = longer_cells(loaded, store)
    lines = [
        f"{store.root}: {cell.label}: {fault}; choose another --out, to train it from its start"
        for cell in loaded.cells
        if cell.key in longer and (fault := _fault(cell, longer[cell.key], store))
    ]
    if lines:
        raise ConfigError(dict.fromkeys(lines))
    for cell in loaded.cells:
        if cell.key in longer:
            _continue(cell, longer[cell.key], store)


def _fault(cell: Cell, key: str, store: Store) -> str:
    """Why a cell cannot continue from the one with this key; empty if it can."""
    steps = store.spec(key)["schedule"]["steps"]
    if cell.optimizer.decay != "constant":
        decay = found(cell.optimizer.decay)
        return f"optimizer.decay = {decay} reached 0 after {steps} steps, earlier than in a longer run"
    blocks = [block.seeds for block in blocks_of(cell)]
    for stored in store.blocks(key):
        seeds = tuple(stored.seeds)
        if not set(seeds).isdisjoint(cell.seeds) and seeds not in blocks:
            flags = f"--schedule.first_seed {seeds[0]} --schedule.seeds {len(seeds)}"
            fault = f"{seed_words(seeds)} are one block in the results, but not in this run"
            return f"{fault}; train longer with {flags} first"
        if seeds in blocks and not store.ends(key, seeds).is_dir():
            kept = "train with --schedule.keep_policies true to be able to"
            return f"the state of {seed_words(seeds)} after {counted(steps, 'step')} was not kept; {kept}"
    return ""


def _continue(cell: Cell, key: str, store: Store) -> None:
    for block in blocks_of(cell, store.finished_seeds(cell.key)):
        seeds, target = block.seeds, checkpoints_of(store, cell, block.seeds)
        begun = Checkpoints(store.checkpoints(key, seeds), {})
        parts = {".policy": kept_policies(store, key, seeds), "": kept_ends(store, key, seeds)}
        try:
            if target.facts() is not None:
                continue  # an earlier start of this run was stopped
            if store.block(key, seeds) is not None:
                target.save_joined(parts)
            elif begun.facts() is not None:
                target.save_joined({"": begun})
        except CheckpointError as error:
            raise ConfigError([f"{cell.label}: {error}; choose another --out"]) from None
