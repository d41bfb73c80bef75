"""What a process does that does not lead: compile and train as the first process says. It writes nothing."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._devices import let_go_of_programs
from ._in_process import COMPILED_AHEAD
from ._jobs import Block, Compiled, compile_block
from ._load import LoadedConfig
from ._parts import Parts, own_parts
from ._peer import Peer, failure
from ._signals import StopSignals
from ._train import PlacedBlock, block_layout

NOTHING = Parts([], [])


def follow(loaded: LoadedConfig, leader: Peer, stop: StopSignals) -> int:
    """Follow the first process until it says that the run has ended.

    Signals are told to it: it decides that the run stops, when all is saved.

    Returns:
        The exit code of the run.

    Raises:
        LostProcessError: the first process, or another one, is gone.
    """
    pool = ThreadPoolExecutor(COMPILED_AHEAD)
    follower = _Follower(loaded, pool)
    told = False

    def tell_of_signals() -> None:
        nonlocal told
        if stop.asked and not told:
            leader.send({"signal": stop.number})
            told = True

    try:
        with stop.polled():
            while True:
                order, arrays = leader.take(tell_of_signals)
                if order["do"] == "end":
                    return order["code"]
                if order["do"] == "compile":
                    follower.compile(order)
                    continue
                try:
                    places, pieces = follower.obey(order, arrays)
                    leader.send({"places": places}, pieces)
                except Exception as error:
                    # Whatever it is, the first process tells of it, and goes on with the other cells.
                    leader.send(failure(error))
                tell_of_signals()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class _Follower:
    """The programs that are being compiled, and the block of seeds that is in training."""

    def __init__(self, loaded: LoadedConfig, pool: ThreadPoolExecutor):
        self._loaded, self._pool = loaded, pool
        self._cells = {cell.key: cell for cell in loaded.cells}
        self._ahead: list[tuple[Block, Future[Compiled]]] = []
        self._steps = 0
        self._compiled: Compiled | None = None
        self._block: PlacedBlock | None = None
        self._alive = np.ones(0, bool)

    def compile(self, order: Mapping[str, Any]) -> None:
        """Begin to compile the program of a block."""
        block = Block(self._cells[order["cell"]], tuple(order["seeds"]))
        self._ahead.append((block, self._pool.submit(compile_block, block, self._loaded.path)))

    def obey(self, order: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Parts:
        """Do what an order says, and return what it asks for."""
        match order["do"]:
            case "program":
                self._take_program((order["cell"], len(order["seeds"])))
            case "block":
                self._begin_block(order["seeds"], order["alive"], arrays)
            case "chunk":
                return self._advance(order["start"], order["stop"])
            case "state":
                assert self._block is not None
                return own_parts(jax.tree.leaves(eqx.filter(self._block.state, eqx.is_array)))
        return NOTHING

    def _take_program(self, program: tuple[str, int]) -> None:
        self._block = self._compiled = None
        let_go_of_programs()
        block, future = self._ahead.pop(0)
        # The first process passes over programs that it could not compile.
        while block.program != program:
            block, future = self._ahead.pop(0)
        self._steps, self._compiled = block.cell.schedule.steps, future.result()

    def _begin_block(self, seeds: Sequence[int], alive: Sequence[bool], rows: Sequence[np.ndarray]) -> None:
        assert self._compiled is not None
        self._block = None
        state = self._compiled.start(seeds)
        if rows:
            here = block_layout(self._compiled.trainer, jnp.asarray(seeds)).rows(len(seeds))
            arrays, static = eqx.partition(state, eqx.is_array)
            leaves, structure = jax.tree.flatten(arrays)
            mine = here[jax.process_index()]
            leaves = [leaf.at[mine].set(own) for leaf, own in zip(leaves, rows, strict=True)]
            state = eqx.combine(jax.tree.unflatten(structure, leaves), static)
        self._alive = np.asarray(alive) if alive else np.ones(len(seeds), bool)
        trainer, program = self._compiled.trainer, self._compiled.program
        self._block = PlacedBlock(trainer, state, jnp.asarray(seeds), self._steps, program)

    def _advance(self, start: int, stop: int) -> Parts:
        assert self._block is not None
        rows = self._block.advance(start, stop, self._alive)
        for shard in rows["loss"].addressable_shards:
            self._alive[shard.index[0]] = ~np.isnan(np.asarray(shard.data)[:, stop - start - 1])
        return own_parts(list(rows.values()), stop - start)
