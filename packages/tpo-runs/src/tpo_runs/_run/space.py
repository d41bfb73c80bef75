"""Checks of the disk before training."""

import math
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import equinox as eqx
import jax

from .._errors import ConfigError, reason_of
from .._learn import PolicyMaker
from .._store import Store
from .blocks import Block
from .build import build_policy
from .checkpoint import KEPT

NUMBER = 4  # bytes of a float32
STATE_SIZES = 4  # policy, two moments of the optimizer, and a reserve
FIGURES = 20_000_000


def check_writable(root: Path) -> None:
    """Create the output directory, and check that files can be written there."""
    for directory in (root, Store(root).cells, Store(root).figures):
        try:
            if directory == root:
                directory.mkdir(parents=True, exist_ok=True)
            if directory.exists():
                with tempfile.TemporaryFile(dir=directory) as probe:
                    probe.write(b"x")
        except OSError as error:
            fault = f"{directory}: cannot be written: {reason_of(error)}"
            raise ConfigError([f"{fault}; choose another --out"]) from None


def check_space(root: Path, blocks: Iterable[Block], replaced: int = 0) -> None:
    """Check that the disk has space for the results and checkpoints of some blocks.

    The run frees `replaced` bytes before.
    """
    needed, free = needed_bytes(blocks), shutil.disk_usage(root).free + replaced
    if needed > free:
        sizes = f"the run may need {_megabytes(needed)}, but only {_megabytes(free)} are free"
        raise ConfigError([f"{root}: too little space: {sizes}; make room, or choose another --out"])


def needed_bytes(blocks: Iterable[Block]) -> int:
    """Upper bound of what a run writes: metrics and kept states of all blocks, the largest checkpoints."""
    results, checkpoints = 0, 0
    policies: dict[str, int] = {}
    for block in blocks:
        row = NUMBER * (len(block.cell.metrics) + 2)
        of_block = len(block.seeds) * block.cell.schedule.steps * row
        key = block.cell.key
        policies[key] = policies.get(key) or _policy_bytes(build_policy(block.cell))
        state = len(block.seeds) * STATE_SIZES * policies[key]
        kept = state if block.cell.schedule.keep_policies else 0
        results += of_block + kept
        checkpoints = max(checkpoints, (KEPT + 1) * (state + of_block))
    return results + checkpoints + FIGURES if results else 0


def _policy_bytes(make: PolicyMaker) -> int:
    shapes = eqx.filter_eval_shape(make, jax.random.key(0))
    leaves = jax.tree.leaves(eqx.filter(shapes, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct)))
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in leaves)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
