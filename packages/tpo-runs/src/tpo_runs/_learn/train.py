"""The training loop on the host, which runs chunks of compiled steps for all seeds of a block."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree

from .chunk import CompiledChunk, Plan, run_chunk
from .layout import Layout, layout_for
from .problems import scored_on_host
from .trainer import Trainer, TrainState

# The same for all runs, because the number is part of a compiled program.
LONGEST_CHUNK = 1024


class Chunk(NamedTuple):
    """The metrics of consecutive steps of a block of seeds, on the host."""

    start: int
    stop: int
    metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]
    seconds: float


class SeedKeys(NamedTuple):
    """The keys `[s]` of some seeds."""

    policies: Key[Array, " s"]
    """Initialize the policies."""
    steps: Key[Array, " s"]
    """The key of a step is this one with the index of the step folded in."""
    rollouts: Key[Array, " s"]
    """Initialize the states of rollouts."""


@eqx.filter_jit
def seed_keys(seeds: Int[Array, " s"]) -> SeedKeys:
    """The keys of these seeds.

    They do not depend on the other seeds, and the key of a step does not depend on earlier steps. So chunk
    length, resuming and additional seeds do not change any number.
    """
    # Build the key from its bits, because `jax.random.key(0)` depends on JAX settings.
    root = jax.random.wrap_key_data(jnp.zeros(2, jnp.uint32), impl="threefry2x32")
    of_seeds = jax.vmap(lambda seed: jax.random.fold_in(root, seed))(seeds)
    keys = jax.vmap(jax.random.split)(of_seeds)
    # 0 and 1 would repeat the two keys of the split.
    return SeedKeys(keys[:, 0], keys[:, 1], jax.vmap(lambda key: jax.random.fold_in(key, 2))(of_seeds))


class PolicyMaker(NamedTuple):
    """Makes a policy from a key. Makers of equal policies compare equal, so that JAX compiles them once."""

    kind: Callable[..., PyTree]
    keywords: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, kind: Callable[..., PyTree], **keywords: Any) -> "PolicyMaker":
        """The maker that calls `kind` with these keywords and a key."""
        return cls(kind, tuple(keywords.items()))

    def __call__(self, key: PRNGKeyArray) -> PyTree:
        """The policy of this key."""
        return self.kind(**dict(self.keywords), key=key)


def initial_state(
    trainer: Trainer, make_policy: Callable[[PRNGKeyArray], PyTree] | eqx.Module, seeds: Int[Array, " s"]
) -> TrainState:
    """The initial states of all seeds, stacked along the first axis.

    **Arguments:**

    - `trainer`: the trainer.
    - `make_policy`: makes a policy from a key; or a policy (an `equinox.Module`) that all seeds start from.
    - `seeds`: the seeds.
    """
    return start_state(trainer, initial_policies(make_policy, seeds), seeds)


def start_state(trainer: Trainer, policies: PyTree, seeds: Int[Array, " s"]) -> TrainState:
    """The states before the first step of all seeds, from their policies, stacked."""
    return _start_all(trainer.start, policies, seed_keys(seeds).rollouts)


def initial_policies(
    make_policy: Callable[[PRNGKeyArray], PyTree] | eqx.Module, seeds: Int[Array, " s"]
) -> PyTree:
    """The initial policies of all seeds, stacked, as in `initial_state`."""
    if isinstance(make_policy, eqx.Module) and not isinstance(make_policy, eqx.Partial):
        # Bind it as an argument: in a closure, its arrays would become constants of the compiled program.
        make_policy = eqx.Partial(_given, make_policy)
    return _initial_policies(make_policy, seed_keys(seeds).policies)


def _given(policy: PyTree, key: PRNGKeyArray) -> PyTree:  # noqa: ARG001, where others take a key
    return policy


@eqx.filter_jit
def _initial_policies(make_policy: Callable[[PRNGKeyArray], PyTree], keys: Key[Array, " s"]) -> PyTree:
    # Compiled separately, because methods that differ in the rest share it.
    return eqx.filter_vmap(make_policy)(keys)


@eqx.filter_jit
def _start_all(
    start: Callable[[PyTree, PRNGKeyArray], TrainState], policies: PyTree, keys: Key[Array, " s"]
) -> TrainState:
    return eqx.filter_vmap(start)(policies, keys)


Program: TypeAlias = Callable[[Plan, TrainState, int], tuple[TrainState, dict[str, Array]]]


def compile_chunk(trainer: Trainer, state: TrainState, seeds: Int[Array, " s"]) -> CompiledChunk:
    """Compile `run_chunk` for the arguments of `train`; `state` may consist of shapes only.

    Safe to call in another thread.
    """
    keys = seed_keys(seeds).steps
    alive, now = jnp.ones(len(seeds), bool), jnp.int32(0)
    layout = block_layout(trainer, seeds)
    (state, keys, alive), (trainer, now) = layout.place((state, keys, alive), (trainer, now))
    plan = Plan(trainer, keys, alive, now, now)
    with layout.active():
        return CompiledChunk(plan, state, LONGEST_CHUNK)


class PlacedBlock:
    """A block of seeds on its devices.

    Args:
        trainer: the trainer.
        state: the stacked states of the seeds.
        seeds: the seeds.
        program: the result of `compile_chunk`, or `run_chunk`.
    """

    def __init__(self, trainer: Trainer, state: TrainState, seeds: Int[Array, " s"], program: Program):
        keys = seed_keys(seeds).steps
        self._layout = block_layout(trainer, seeds)
        (self.state, self._keys), self._trainer = self._layout.place((state, keys), trainer)
        self._program = program

    def advance(self, start: int, stop: int, alive: Bool[np.ndarray, " s"]) -> dict[str, Array]:
        """Train steps `start` to `stop` of the seeds that are `alive`, and return metrics `[seeds, room]`."""
        bounds = jnp.int32(start), jnp.int32(stop)
        spread, (first, last) = self._layout.place(jnp.asarray(alive), bounds)
        plan = Plan(self._trainer, self._keys, spread, first, last)
        with self._layout.active():
            self.state, rows = self._program(plan, self.state, LONGEST_CHUNK)
        return rows


def train(
    trainer: Trainer,
    state: TrainState,
    seeds: Int[Array, " s"],
    steps: int,
    *,
    first_step: int = 0,
    alive: Bool[np.ndarray, " s"] | None = None,
    chunk_seconds: float = 1.0,
    program: Program = run_chunk,
) -> Iterator[tuple[TrainState, Chunk]]:
    """Train all seeds up to `steps`, and yield the state and the metrics after every chunk of steps.

    A chunk takes about `chunk_seconds`; its length does not change any number. A state is valid until you ask
    for the next chunk, which reuses its memory.

    A seed is frozen when its error, loss, policy or optimizer state becomes NaN or infinite. It keeps the
    last finite state, its metrics are NaN from that step on, and no other seed changes.

    Args:
        trainer: the trainer.
        state: the stacked states of the seeds before step `first_step`.
        seeds: the seeds.
        steps: the steps of the whole run.
        first_step: the step to start at.
        alive: which seeds are not frozen; all by default.
        chunk_seconds: target duration of a chunk in seconds.
        program: the result of `compile_chunk`; by default, the program is compiled for the first chunk.

    Yields:
        The stacked states after the chunk, and its metrics.
    """
    block = PlacedBlock(trainer, state, seeds, program)
    alive = np.ones(len(seeds), bool) if alive is None else alive
    length = 1
    while first_step < steps:
        stop = _chunk_end(trainer, first_step, min(first_step + length, steps))
        began = time.perf_counter()
        rows = block.advance(first_step, stop, alive)
        metrics = {name: np.asarray(row)[:, : stop - first_step] for name, row in rows.items()}
        seconds = time.perf_counter() - began
        yield block.state, Chunk(first_step, stop, metrics, seconds)
        alive = ~np.isnan(metrics["loss"][:, -1])
        # At most four times as long as the last chunk, because a single quick step is a bad estimate.
        done = stop - first_step
        length = max(1, min(LONGEST_CHUNK, 4 * done, round(chunk_seconds * done / seconds)))
        first_step = stop


def block_layout(trainer: Trainer, seeds: Int[Array, " s"]) -> Layout:
    """The layout of the seeds on the local devices."""
    # If the host scores answers, their prompts stay on one device.
    splits = 1 if scored_on_host(trainer.rollout) else getattr(trainer.rollout, "prompts", 1)
    return layout_for(len(seeds), splits)


def _chunk_end(trainer: Trainer, start: int, stop: int) -> int:
    """The next evaluation, if it leaves at least a tenth of the chunk; else `stop`."""
    if trainer.evaluation is None:
        return stop
    every = trainer.evaluation.every
    evaluated = (start // every + 1) * every
    return evaluated if start + (stop - start) / 10 <= evaluated <= stop else stop
