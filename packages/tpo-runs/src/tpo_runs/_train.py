"""Training as one compiled function: epochs inside episodes inside chunks, vectorised over seeds."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PRNGKeyArray, PyTree, Scalar

from ._devices import spread_over_devices
from ._observation import Evaluation, Observation, Probe
from ._protocols import Objective
from ._rollout import AbstractRollout, reduce

LONGEST_CHUNK = 1024


class TrainState(eqx.Module):
    """What training changes."""

    policy: PyTree
    optimizer_state: PyTree


class Trainer(eqx.Module):
    """How a cell is trained: a rollout, an objective, an optimizer, and gradient steps per rollout.

    `probes` look at every episode, `evaluation` at the policy after some of them.
    """

    rollout: AbstractRollout
    objective: Objective = eqx.field(static=True)
    optimizer: optax.GradientTransformation = eqx.field(static=True)
    epochs: int = eqx.field(static=True)
    probes: Mapping[str, Probe] = eqx.field(default_factory=dict)
    evaluation: Evaluation | None = None

    def start(self, policy: PyTree) -> TrainState:
        """The state before the first episode."""
        return TrainState(policy, self.optimizer.init(eqx.filter(policy, eqx.is_inexact_array)))

    def episode(
        self, state: TrainState, key: PRNGKeyArray, step: Int[Array, ""]
    ) -> tuple[TrainState, dict[str, Scalar]]:
        """Draw one batch from the policy and take `epochs` full-batch gradient steps on it.

        Returns the new state, and the metrics of the episode: `error` of the behaviour policy, `loss` before
        the first step, and the probes.
        """
        draw = self.rollout.draw(state.policy, key)

        @eqx.filter_value_and_grad
        def loss_and_gradient(policy):
            logp = self.rollout.log_probs(policy, draw)
            return reduce(self.objective(logp, draw.old_logp, draw.scores), draw)

        arrays, static = eqx.partition(state, eqx.is_array)

        def epoch(arrays, _):
            state = eqx.combine(arrays, static)
            loss, gradient = loss_and_gradient(state.policy)
            params = eqx.filter(state.policy, eqx.is_inexact_array)
            updates, optimizer_state = self.optimizer.update(gradient, state.optimizer_state, params)
            state = TrainState(eqx.apply_updates(state.policy, updates), optimizer_state)
            return eqx.filter(state, eqx.is_array), (loss, gradient)

        # All epochs' gradients are handed out, so that the step is compiled once; what no probe reads of them
        # is dropped by the compiler.
        arrays, seen_by_epoch = jax.lax.scan(epoch, arrays, length=self.epochs)
        loss, gradient = jax.tree.map(lambda stacked: stacked[0], seen_by_epoch)
        after = eqx.combine(arrays, static)
        seen = Observation(self.rollout, draw, self.objective, state.policy, after.policy, gradient, step)
        metrics = {"error": draw.error, "loss": loss}
        return after, metrics | {name: probe(seen) for name, probe in self.probes.items()}


class Chunk(NamedTuple):
    """Consecutive steps of a block of seeds, on the host."""

    start: int
    stop: int
    metrics: Mapping[str, Float[np.ndarray, "seeds steps"]]
    seconds: float


@eqx.filter_jit
def seed_keys(seeds: Int[Array, " s"]) -> tuple[Key[Array, " s"], Key[Array, " s"]]:
    """The keys `[s]` that initialise the policies, and those that the steps' keys are folded from.

    A seed's keys do not depend on the other seeds, a step's key not on the steps before it. So neither the
    length of chunks, nor resuming, nor more seeds change any number.
    """
    keys = jax.vmap(lambda seed: jax.random.split(jax.random.fold_in(jax.random.key(0), seed)))(seeds)
    return keys[:, 0], keys[:, 1]


def initial_state(
    trainer: Trainer, make_policy: Callable[[PRNGKeyArray], PyTree], seeds: Int[Array, " s"]
) -> TrainState:
    """The states of all seeds, stacked."""
    policy_keys, _ = seed_keys(seeds)
    return _start_all(trainer.start, _initial_policies(make_policy, policy_keys))


@eqx.filter_jit
def _initial_policies(make_policy: Callable[[PRNGKeyArray], PyTree], keys: Key[Array, " s"]) -> PyTree:
    # Compiled apart from the rest, which differs between methods.
    return eqx.filter_vmap(make_policy)(keys)


@eqx.filter_jit
def _start_all(start: Callable[[PyTree], TrainState], policies: PyTree) -> TrainState:
    return eqx.filter_vmap(start)(policies)


class Plan(NamedTuple):
    """What a chunk does: steps `start` to `stop` of the seeds whose step keys these are, if still `alive`."""

    trainer: Trainer
    keys: Key[Array, " s"]
    alive: Bool[Array, " s"]
    start: Int[Array, ""]
    stop: Int[Array, ""]


@eqx.filter_jit(donate="all-except-first")
def run_chunk(
    plan: Plan, state: TrainState, room: int
) -> tuple[TrainState, dict[str, Float[Array, "seeds room"]]]:
    """Train all seeds by at most `room` steps, as one compiled loop that reuses the state's memory.

    A seed whose loss or state is not finite keeps the state that it had before; its metrics are NaN from that
    step on. The bounds are traced, so chunks of all lengths share one compilation.
    """
    trainer, keys, alive, start, stop = plan
    arrays, static = eqx.partition(state, eqx.is_array)

    def one_seed(arrays, key, step):
        state, metrics = trainer.episode(eqx.combine(arrays, static), jax.random.fold_in(key, step), step)
        return eqx.filter(state, eqx.is_array), metrics

    def all_seeds(arrays, alive, keys, step):
        # Fused with the check, a seed's last bits would depend on how many seeds are beside it.
        after, metrics = jax.lax.optimization_barrier(
            jax.vmap(one_seed, in_axes=(0, 0, None))(arrays, keys, step)
        )
        alive &= jax.vmap(_finite)((after, metrics["loss"]))
        arrays = jax.tree.map(lambda new, old: _where(alive, new, old), after, arrays)
        if trainer.evaluation is not None:
            metrics |= trainer.evaluation(eqx.combine(arrays, static).policy, step)
        return arrays, alive, {name: _where(alive, value, jnp.nan) for name, value in metrics.items()}

    shapes = jax.eval_shape(all_seeds, arrays, alive, keys, start)[2]
    rows = jax.tree.map(lambda shape: jnp.full((*shape.shape, room), jnp.nan, shape.dtype), shapes)

    def body(step, carry):
        arrays, alive, rows = carry
        arrays, alive, metrics = all_seeds(arrays, alive, keys, step)
        rows = jax.tree.map(lambda row, value: row.at[:, step - start].set(value), rows, metrics)
        return arrays, alive, rows

    arrays, _, rows = jax.lax.fori_loop(start, stop, body, (arrays, alive, rows))
    return eqx.combine(arrays, static), rows


def _finite(tree: PyTree) -> Bool[Array, ""]:
    floats = jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in floats]).all()


def _where(rows: Bool[Array, " s"], chosen: Array, other: Array | float) -> Array:
    """`chosen` in some of the rows, `other` elsewhere."""
    return jnp.where(rows.reshape(-1, *[1] * (chosen.ndim - 1)), chosen, other)


Program: TypeAlias = Callable[[Plan, TrainState, int], tuple[TrainState, dict[str, Array]]]


def compile_chunk(trainer: Trainer, state: TrainState, seeds: Int[Array, " s"], steps: int) -> Program:
    """Compile `run_chunk` for what `train` gives it. Safe in another thread.

    As long as it is held, the program outlives a clearing of JAX's caches.
    """
    _, keys = seed_keys(seeds)
    alive = jnp.ones(len(seeds), bool)
    (state, keys, alive), trainer = spread_over_devices((state, keys, alive), trainer, len(seeds))
    now = jnp.int32(0)
    plan = Plan(trainer, keys, alive, now, now)
    return cast(Any, run_chunk).lower(plan, state, min(LONGEST_CHUNK, steps)).compile()


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
    """Train all seeds up to `steps`, and hand out the state and the metrics after every chunk.

    Chunks are as long as fits in about `chunk_seconds`; their length changes no number. A state handed out
    is valid until the next chunk is asked for, which reuses its memory.

    A seed whose loss or state becomes NaN or infinite is frozen: it keeps the last finite state, its metrics
    are NaN from that step on, and no other seed is touched.

    Args:
        trainer: how the seeds are trained.
        state: their stacked states before step `first_step`.
        seeds: the seeds.
        steps: where to stop.
        first_step: where to go on.
        alive: which seeds are not frozen; by default all.
        chunk_seconds: how long a chunk should take.
        program: what `compile_chunk` made; by default compiled at the first chunk.
    """
    _, keys = seed_keys(seeds)
    (state, keys), trainer = spread_over_devices((state, keys), trainer, len(seeds))
    alive = np.ones(len(seeds), bool) if alive is None else alive
    room = min(LONGEST_CHUNK, steps)
    length = 1
    while first_step < steps:
        stop = _chunk_end(trainer, first_step, min(first_step + length, steps))
        began = time.perf_counter()
        spread_alive, _ = spread_over_devices(jnp.asarray(alive), None, len(seeds))
        plan = Plan(trainer, keys, spread_alive, jnp.int32(first_step), jnp.int32(stop))
        state, rows = program(plan, state, room)
        metrics = {name: np.asarray(row)[:, : stop - first_step] for name, row in rows.items()}
        seconds = time.perf_counter() - began
        yield state, Chunk(first_step, stop, metrics, seconds)
        alive = ~np.isnan(metrics["loss"][:, -1])
        # Growing fourfold at most: an evaluation, or a first step that was quick, must not make a chunk long.
        done = stop - first_step
        length = max(1, min(room, 4 * done, round(chunk_seconds * done / seconds)))
        first_step = stop


def _chunk_end(trainer: Trainer, start: int, stop: int) -> int:
    """At the next evaluation, where that cuts off less than nine tenths of the chunk; else at `stop`."""
    if trainer.evaluation is None:
        return stop
    every = trainer.evaluation.every
    evaluated = (start // every + 1) * every
    return evaluated if start + (stop - start) / 10 <= evaluated <= stop else stop
