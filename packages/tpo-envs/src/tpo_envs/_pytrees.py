"""Register tasks of tokens with JAX as pytrees without leaves, for use under `jax.jit` and `jax.vmap`."""

import contextlib
import functools
from typing import Any

import jax

from ._argsort import ArgsortTask
from ._brackets import BracketTask
from ._coloring import ColoringTask
from ._countdown import CountdownTask
from ._counting import CountingTask
from ._length_ladder import LengthLadder
from ._multi_turn import MultiTurnTask
from ._noisy_verifier import NoisyVerifier
from ._tokens import TokenTask
from ._variable_length import VariableLengthTask


@functools.cache
def make_known(task: type[Any]) -> None:
    """Register a class of tasks, unless it is registered already."""
    with contextlib.suppress(ValueError):
        jax.tree_util.register_static(task)


for _task in (
    *(TokenTask, BracketTask, NoisyVerifier, MultiTurnTask),
    *(LengthLadder, VariableLengthTask, CountingTask, CountdownTask, ColoringTask, ArgsortTask),
):
    make_known(_task)
