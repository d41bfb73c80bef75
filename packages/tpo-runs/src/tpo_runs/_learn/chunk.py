"""Many steps of all seeds of a block as one compiled loop."""

import functools
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from .layout import BY_SEED, SHARED, on_own_devices, over_seeds
from .problems import scored_on_host
from .trainer import Trainer, TrainState

# Arrays with at least this many numbers are checked separately.
LARGE = 1_000_000


class Plan(NamedTuple):
    """A chunk of training: steps `start` to `stop` of the seeds that are `alive`, with `SeedKeys.steps`."""

    trainer: Trainer
    keys: Key[Array, " s"]
    alive: Bool[Array, " s"]
    start: Int[Array, ""]
    stop: Int[Array, ""]


@eqx.filter_jit(donate="all-except-first")
def run_chunk(
    plan: Plan, state: TrainState, room: int
) -> tuple[TrainState, dict[str, Float[Array, "seeds room"]]]:
    """Train all seeds for at most `room` steps, in one compiled loop that donates the memory of the state.

    If the error, the loss, the policy or the optimizer's state of a seed is not finite after a step, the seed
    keeps the state from before it, and its metrics are NaN from that step on. The bounds are traced, so that
    chunks of all lengths share one compilation.
    """
    arrays, static = eqx.partition((plan, state), eqx.is_array)

    def loop(plan_arrays, state_arrays):
        state, rows = _loop(*eqx.combine((plan_arrays, state_arrays), static), room)
        return eqx.filter(state, eqx.is_array), rows

    placed = cast(Any, Plan)(trainer=SHARED, keys=BY_SEED, alive=BY_SEED, start=SHARED, stop=SHARED)
    calls_host = scored_on_host(plan.trainer.rollout)
    state_arrays, rows = on_own_devices(loop, (placed, BY_SEED), calls_host=calls_host)(*arrays)
    return eqx.combine(state_arrays, static[1]), rows


class CompiledChunk:
    """`run_chunk`, compiled for arguments of given shapes. It remains valid when JAX's caches are cleared.

    Args:
        plan: the plan; arrays may be `jax.ShapeDtypeStruct`s, here and in the state.
        state: the stacked states of the seeds.
        room: the maximum number of steps.
    """

    def __init__(self, plan: Plan, state: TrainState, room: int):
        (plan_arrays, state_arrays), static = eqx.partition((plan, state), _is_shaped)
        self._static = static[1]

        def chunk(plan_arrays, state_arrays):
            bound = eqx.combine((plan_arrays, state_arrays), static)
            state, rows = cast(Any, run_chunk).__wrapped__(*bound, room)
            return eqx.filter(state, eqx.is_array), rows

        # Left to XLA, empty arrays would come back on other devices than the inputs require.
        kept = jax.tree.map(lambda leaf: leaf.sharding, state_arrays)
        jitted = jax.jit(chunk, donate_argnums=1, out_shardings=(kept, None))
        self.compiled = jitted.lower(plan_arrays, state_arrays).compile()

    def __call__(
        self, plan: Plan, state: TrainState, room: int
    ) -> tuple[TrainState, dict[str, Float[Array, "seeds room"]]]:
        """Train like `run_chunk`, with the `room` that it was compiled for."""
        del room
        arrays, rows = self.compiled(eqx.filter(plan, eqx.is_array), eqx.filter(state, eqx.is_array))
        return eqx.combine(arrays, self._static), rows

    @property
    def bytes_needed(self) -> int:
        """The device memory that it needs for its arguments and everything it computes."""
        sizes = self.compiled.memory_analysis()
        if sizes is None:  # the compiler of the device does not report it
            return 0
        return (
            sizes.argument_size_in_bytes
            + sizes.output_size_in_bytes
            + sizes.temp_size_in_bytes
            - sizes.alias_size_in_bytes
        )


def _is_shaped(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)


def _loop(plan: Plan, state: TrainState, room: int) -> tuple[TrainState, dict[str, Array]]:
    trainer, keys, alive, start, stop = plan
    arrays, static = eqx.partition(state, eqx.is_array)

    def one_seed(arrays, key, step):
        state, metrics = trainer.episode(eqx.combine(arrays, static), jax.random.fold_in(key, step), step)
        return eqx.filter(state, eqx.is_array), metrics

    # Jitted, so that it is traced once for both its shapes and the loop.
    @functools.partial(jax.jit, inline=True)
    def all_seeds(arrays, alive, step):
        # Without this barrier, XLA would fuse this with the check, and the last bits of a seed would depend
        # on the number of seeds.
        after, metrics = jax.lax.optimization_barrier(over_seeds(one_seed, arrays)(arrays, keys, step))
        # The rollout's state may hold infinities. A NaN in it appears in the loss.
        checked = after.policy, after.optimizer_state, metrics["loss"], metrics["error"]
        alive &= jax.vmap(_finite)(checked)
        kept = jax.tree.map(lambda new, old: _where(alive, new, old), after, arrays)
        if trainer.evaluation is not None:
            earlier, later = (eqx.combine(each, static).policy for each in (arrays, kept))
            metrics |= trainer.evaluation(trainer.evaluation.measured(earlier, later, step), keys, step)
        return kept, alive, {name: _where(alive, value, jnp.nan) for name, value in metrics.items()}

    def body(step, carry):
        arrays, alive, rows = carry
        arrays, alive, metrics = all_seeds(arrays, alive, step)
        rows = jax.tree.map(lambda row, value: row.at[:, step - start].set(value), rows, metrics)
        return arrays, alive, rows

    shapes = jax.eval_shape(all_seeds, arrays, alive, start)[2]
    # Zeros instead of NaN, because of JAX_DEBUG_NANS. Rows past `stop` are never read.
    rows = jax.tree.map(lambda shape: jnp.zeros((*shape.shape, room), shape.dtype), shapes)
    arrays, _, rows = jax.lax.fori_loop(start, stop, body, (arrays, alive, rows))
    return eqx.combine(arrays, static), rows


def _finite(tree: PyTree) -> Bool[Array, ""]:
    floats = jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))
    small = [leaf.reshape(-1) for leaf in floats if leaf.size < LARGE]
    # One check of the concatenated arrays compiles much faster than one check per array.
    checks = [jnp.isfinite(jnp.concatenate(small)).all()] if small else []
    # A copy of large arrays would take more time and memory than the checks.
    checks += [jnp.isfinite(leaf).all() for leaf in floats if leaf.size >= LARGE]
    return jnp.stack(checks).all()


def _where(rows: Bool[Array, " s"], chosen: Array, other: Array | float) -> Array:
    """`chosen` in the rows that are true, `other` elsewhere."""
    return jnp.where(rows.reshape(-1, *[1] * (chosen.ndim - 1)), chosen, other)
