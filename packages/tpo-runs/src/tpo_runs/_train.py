"""Training as one compiled function: epochs inside episodes inside chunks, vectorised over seeds."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree, Scalar

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
    """What a chunk does: steps `start` to `stop` of the seeds whose step keys these are."""

    trainer: Trainer
    keys: Key[Array, " s"]
    start: Int[Array, ""]
    stop: Int[Array, ""]


@eqx.filter_jit(donate="all-except-first")
def run_chunk(
    plan: Plan, state: TrainState, room: int
) -> tuple[TrainState, dict[str, Float[Array, "seeds room"]]]:
    """Train all seeds by at most `room` steps, as one compiled loop that reuses the state's memory.

    The bounds are traced, so chunks of all lengths share one compilation.
    """
    trainer, keys, start, stop = plan
    arrays, static = eqx.partition(state, eqx.is_array)

    def one_seed(arrays, key, step):
        state, metrics = trainer.episode(eqx.combine(arrays, static), jax.random.fold_in(key, step), step)
        return eqx.filter(state, eqx.is_array), metrics

    def all_seeds(arrays, keys, step):
        arrays, metrics = jax.vmap(one_seed, in_axes=(0, 0, None))(arrays, keys, step)
        if trainer.evaluation is not None:
            metrics |= trainer.evaluation(eqx.combine(arrays, static).policy, step)
        return arrays, metrics

    shapes = jax.eval_shape(all_seeds, arrays, keys, start)[1]
    rows = jax.tree.map(lambda shape: jnp.full((*shape.shape, room), jnp.nan, shape.dtype), shapes)

    def body(step, carry):
        arrays, rows = carry
        arrays, metrics = all_seeds(arrays, keys, step)
        return arrays, jax.tree.map(lambda row, value: row.at[:, step - start].set(value), rows, metrics)

    arrays, rows = jax.lax.fori_loop(start, stop, body, (arrays, rows))
    return eqx.combine(arrays, static), rows


def compile_chunk(trainer: Trainer, state: TrainState, seeds: Int[Array, " s"], steps: int) -> TrainState:
    """Compile what `train` runs, and hand back the state, whose memory is reused. Safe in another thread."""
    _, keys = seed_keys(seeds)
    (state, keys), trainer = spread_over_devices((state, keys), trainer, len(seeds))
    now = jnp.int32(0)
    # Only running it fills the cache that `train` looks into: a chunk of no steps.
    state, _ = run_chunk(Plan(trainer, keys, now, now), state, min(LONGEST_CHUNK, steps))
    return state


def train(
    trainer: Trainer,
    state: TrainState,
    seeds: Int[Array, " s"],
    steps: int,
    *,
    first_step: int = 0,
    chunk_seconds: float = 1.0,
) -> Iterator[tuple[TrainState, Chunk]]:
    """Train all seeds up to `steps`, and hand out the state and the metrics after every chunk.

    Chunks are as long as fits in about `chunk_seconds`; their length changes no number. A state handed out
    is valid until the next chunk is asked for, which reuses its memory.
    """
    _, keys = seed_keys(seeds)
    (state, keys), trainer = spread_over_devices((state, keys), trainer, len(seeds))
    room = min(LONGEST_CHUNK, steps)
    length = 1
    while first_step < steps:
        stop = min(first_step + length, steps)
        began = time.perf_counter()
        plan = Plan(trainer, keys, jnp.int32(first_step), jnp.int32(stop))
        state, rows = run_chunk(plan, state, room)
        metrics = {name: np.asarray(row)[:, : stop - first_step] for name, row in rows.items()}
        seconds = time.perf_counter() - began
        yield state, Chunk(first_step, stop, metrics, seconds)
        length = max(1, min(room, round(chunk_seconds * (stop - first_step) / seconds)))
        first_step = stop
