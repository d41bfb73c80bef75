"""A run over several processes: the first leads, has the others train along, and collects their parts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._checkpoint import Checkpoint
from ._chunk import Plan
from ._config_error import ConfigError
from ._jobs import Block, Compiled
from ._lost_process import LOST, LostProcessError
from ._parts import Parts, own_parts, together
from ._peer import FAILURE_SECONDS, Peer, nothing
from ._signals import Stopped, StopSignals
from ._train import block_layout
from ._trainer import TrainState

GOODBYE_SECONDS = 5.0


class Alone:
    """The process of a run that has no other."""

    def announce(self, block: Block) -> None:
        """The block's program is compiled from now on."""

    def joined(self, block: Block, compiled: Compiled) -> Compiled:  # noqa: ARG002
        """The program as one that trains all seeds of a block."""
        return compiled

    def begin_block(self, seeds: Sequence[int], begun: Checkpoint | None) -> None:
        """A block of the joined program begins, at its first step or at a checkpoint."""

    def whole(self, state: TrainState) -> TrainState:
        """A block's state, with the parts of all processes."""
        return state


class Leader(Alone):
    """The first process of several: the only one that decides, writes and speaks.

    While it is entered, the others follow. When it is left, they end with the same exit code.

    Args:
        peers: the other processes, by their indices.
        stop: asked while others are waited for.
    """

    def __init__(self, peers: Mapping[int, Peer], stop: StopSignals):
        self._peers, self._stop = peers, stop
        self._training: dict[int, slice] = {}
        self.code = 0

    def __enter__(self) -> "Leader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for peer in self._peers.values():
            peer.leave()
        self._order(self._peers, "end", code=self.code if error is None else _exit_code(error))
        if not isinstance(error, LostProcessError):
            # JAX aborts those that are still there when the first process ends.
            for peer in self._peers.values():
                peer.wait_for_its_end(GOODBYE_SECONDS)

    def announce(self, block: Block) -> None:
        """The block's program is compiled from now on, in all processes."""
        self._order(self._peers, "compile", **_name(block))

    def joined(self, block: Block, compiled: Compiled) -> Compiled:
        """The program as one that has other processes train their seeds, and returns all metrics.

        Raises:
            RuntimeError: another process could not compile it.
            LostProcessError: another process is gone.
        """
        self._order(self._peers, "program", **_name(block))
        self._answers(self._peers, self._stop.check)
        seeds = block.seeds
        rows = block_layout(compiled.trainer, jnp.asarray(seeds)).rows(len(seeds))
        self._training = {index: rows[index] for index in rows if index in self._peers}

        def program(plan: Plan, state: TrainState, room: int) -> tuple[TrainState, dict[str, Any]]:
            return self._chunk(compiled, plan, state, room)

        return compiled._replace(program=program) if self._training else compiled

    def _chunk(
        self, compiled: Compiled, plan: Plan, state: TrainState, room: int
    ) -> tuple[TrainState, dict[str, Any]]:
        start, stop = int(plan.start), int(plan.stop)
        self._order(self._training, "chunk", start=start, stop=stop)
        try:
            state, rows = compiled.program(plan, state, room)
            own = own_parts(list(rows.values()), stop - start)
        except Exception:
            # Another process may be the cause, or may wait for this one.
            self._answers(self._training, seconds=FAILURE_SECONDS)
            raise
        like = [jax.ShapeDtypeStruct((len(row), stop - start), row.dtype) for row in rows.values()]
        whole = together(like, [own, *self._answers(self._training)])
        return state, dict(zip(rows, whole, strict=True))

    def begin_block(self, seeds: Sequence[int], begun: Checkpoint | None) -> None:
        """The others begin the block too; those rows of a checkpoint that are theirs are sent to them."""
        alive = [] if begun is None else begun.alive.tolist()
        leaves = [] if begun is None else jax.tree.leaves(eqx.filter(begun.state, eqx.is_array))
        for index, rows in self._training.items():
            order = {"do": "block", "seeds": list(seeds), "alive": alive}
            self._peers[index].send(order, [np.asarray(leaf)[rows] for leaf in leaves])
        self._answers(self._training)

    def whole(self, state: TrainState) -> TrainState:
        """A block's state, with the parts of all processes, as NumPy arrays."""
        if not self._training:
            return state
        arrays, static = eqx.partition(state, eqx.is_array)
        leaves, structure = jax.tree.flatten(arrays)
        self._order(self._training, "state")
        whole = together(leaves, [own_parts(leaves), *self._answers(self._training)])
        return eqx.combine(jax.tree.unflatten(structure, whole), static)

    def _order(self, indices: Iterable[int], what: str, **facts: Any) -> None:
        for index in indices:
            self._peers[index].send({"do": what, **facts})

    def _answers(
        self, indices: Iterable[int], poll: Callable[[], None] = nothing, seconds: float | None = None
    ) -> list[Parts]:
        """One answer of each process, all of them taken also where one tells of a failure."""
        answers, failures = [], []
        for index in indices:
            peer = self._peers[index]
            message, pieces = peer.take(poll, seconds)
            answers.append(Parts(message.get("places", []), pieces))
            if "failed" in message:
                failures.append(RuntimeError(f"{peer.name}: {message['failed']}"))
                failures[-1].add_note(message["traceback"])
        if failures:
            raise failures[0]
        return answers


def _exit_code(error: BaseException) -> int:
    if isinstance(error, Stopped):
        return error.code
    if isinstance(error, LostProcessError):
        return LOST
    return 2 if isinstance(error, ConfigError) else 1


def _name(block: Block) -> dict[str, Any]:
    return {"cell": block.cell.key, "seeds": list(block.seeds)}
