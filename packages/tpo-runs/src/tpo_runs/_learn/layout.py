"""The layout of a block of seeds on the local devices."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding
from jaxtyping import Array, Int, Key, PyTree, Shaped

SEEDS, PROMPTS = "seeds", "prompts"
BY_SEED, SHARED = PartitionSpec(SEEDS), PartitionSpec()
# With fewer prompts on each device, communication costs more than it saves.
FEWEST_PROMPTS = 16
# Seeds with smaller states are vectorized: one by one, a step would be mostly overhead.
FEWEST_NUMBERS = 4096
# Larger arrays take longer to copy than to add up over the devices on their own.
LARGEST_JOINED = 65_536


@dataclasses.dataclass(frozen=True)
class Layout:
    """A grid of devices: seeds are split over `seeds` rows, and the prompts of a seed over its row.

    Rows do not communicate. The devices of a row add up their gradients, so the last digits of a seed depend
    on the length of the row.
    """

    seeds: int = 1
    prompts: int = 1

    @property
    def mesh(self) -> Mesh | None:
        """The mesh of devices, or None for a single device."""
        count = self.seeds * self.prompts
        if count == 1:
            return None
        devices = np.asarray(jax.devices()[:count]).reshape(self.seeds, self.prompts)
        return Mesh(devices, (SEEDS, PROMPTS), axis_types=(AxisType.Auto, AxisType.Auto))

    @property
    def words(self) -> str:
        """A description of the layout for provenance, because the last bits of results may depend on it."""
        return "1 device" if self.mesh is None else f"{self.seeds} x {self.prompts} devices"

    def active(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which programs for this layout are compiled and run."""
        return contextlib.nullcontext() if self.mesh is None else jax.set_mesh(self.mesh)

    def place(self, by_seed: PyTree, shared: PyTree) -> tuple[PyTree, PyTree]:
        """Split `by_seed` along its leading axis over the devices, and copy `shared` to each."""
        if self.mesh is None:
            return by_seed, shared
        return (
            _put(by_seed, NamedSharding(self.mesh, BY_SEED)),
            _put(shared, NamedSharding(self.mesh, SHARED)),
        )


def layout_for(seeds: int, prompts: int = 1, devices: int | None = None) -> Layout:
    """The layout that uses the most devices and, among those, splits prompts the least.

    Args:
        seeds: the number of seeds, split evenly over rows.
        prompts: the number of prompts in a batch, split evenly over a row; 1 if a batch cannot be split.
        devices: the number of devices; all by default.

    >>> layout_for(20, 100, devices=8)
    Layout(seeds=4, prompts=2)
    """
    devices = jax.device_count() if devices is None else devices
    options = [
        Layout(over_seeds, over_prompts)
        for over_seeds in _divisors(seeds, devices)
        for over_prompts in _divisors(prompts, devices // over_seeds)
        if over_prompts == 1 or prompts // over_prompts >= FEWEST_PROMPTS
    ]
    return max(options, key=lambda option: (option.seeds * option.prompts, option.seeds))


def split_prompts(prompts: Shaped[Array, "b *c"]) -> Shaped[Array, "b *c"]:
    """Shard prompts, and everything computed from them, over the devices of a seed."""
    if jax.sharding.get_abstract_mesh().shape.get(PROMPTS, 1) == 1:
        return prompts
    return jax.lax.with_sharding_constraint(prompts, PartitionSpec(PROMPTS))


def over_prompts(function: Callable[..., Any]) -> Callable[..., Any]:
    """Map a function of a policy and of arrays by prompt over the devices that share the prompts.

    The gradients of small parameters are added up over the devices as one array: to wait for each other takes
    devices longer than to add.
    """
    if jax.sharding.get_abstract_mesh().shape.get(PROMPTS, 1) == 1:
        return function
    by_prompt = PartitionSpec(PROMPTS)

    def mapped(policy: PyTree, *by_prompts: Array) -> Any:
        small, others = eqx.partition(policy, _is_small)
        large, static = eqx.partition(others, eqx.is_array)
        joined, separate = ravel_pytree(small)
        return jax.shard_map(
            lambda joined, large, *of_device: function(
                eqx.combine(separate(joined), large, static), *of_device
            ),
            in_specs=(SHARED, SHARED, *[by_prompt] * len(by_prompts)),
            out_specs=by_prompt,
            axis_names={PROMPTS},
            check_vma=False,
        )(joined, large, *by_prompts)

    return mapped


def _is_small(leaf: Any) -> bool:
    return eqx.is_array(leaf) and leaf.dtype == np.float32 and leaf.size <= LARGEST_JOINED


def on_own_devices(
    function: Callable[..., Any], placed: tuple[Any, ...], *, calls_host: bool = False
) -> Callable[..., Any]:
    """Map a function of arrays over the rows of devices, each with its own seeds.

    Args:
        function: a function whose results have the seeds as their first axis.
        placed: `BY_SEED` or `SHARED` for each argument, or for each part of it.
        calls_host: whether the function calls back to the host; prompts must not be split in that case.
    """
    if jax.sharding.get_abstract_mesh().shape.get(SEEDS, 1) == 1:
        return function
    # Callbacks need a mesh without an axis that the compiler splits. Without one, the last bits differ.
    axes = {SEEDS, PROMPTS} if calls_host else {SEEDS}
    return jax.shard_map(function, in_specs=placed, out_specs=BY_SEED, axis_names=axes, check_vma=False)


def over_seeds(
    one_seed: Callable[..., Any], states: PyTree
) -> Callable[[PyTree, Key[Array, " s"], Int[Array, ""]], Any]:
    """Apply `one_seed(state, key, step)` to stacked states and keys: vectorized, or one by one on a CPU.

    One transformer keeps a CPU busy. Vectorized over seeds, its arrays no longer fit the caches, and XLA's
    batched matrix products are slower than plain ones.
    """
    floats = jax.tree.leaves(eqx.filter(states, eqx.is_inexact_array))
    numbers = sum(leaf.size // leaf.shape[0] for leaf in floats)
    if jax.default_backend() != "cpu" or numbers < FEWEST_NUMBERS:
        return jax.vmap(one_seed, in_axes=(0, 0, None))
    return lambda states, keys, step: jax.lax.map(lambda seed: one_seed(*seed, step), (states, keys))


def _put(tree: PyTree, sharding: Sharding) -> PyTree:
    arrays, static = eqx.partition(tree, eqx.is_array)
    return eqx.combine(jax.device_put(arrays, sharding), jax.tree.map(_placed(sharding), static))


def _placed(sharding: Sharding) -> Callable[[Any], Any]:
    """Shapes with a sharding; other leaves unchanged."""

    def place(leaf: Any) -> Any:
        return leaf.update(sharding=sharding) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf

    return place


def _divisors(number: int, most: int) -> list[int]:
    return [n for n in range(1, min(number, most) + 1) if number % n == 0]
