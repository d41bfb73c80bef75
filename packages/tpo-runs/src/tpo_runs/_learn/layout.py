"""How a block of seeds is laid out over the local devices."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding
from jaxtyping import Array, Int, Key, PyTree, Shaped

SEEDS, PROMPTS = "seeds", "prompts"
BY_SEED, SHARED = PartitionSpec(SEEDS), PartitionSpec()
# Fewer prompts on a device are not worth what the devices say to each other.
FEWEST_PROMPTS = 16
# States of fewer numbers are trained side by side: on its own, a step of one seed would be mostly overhead.
FEWEST_NUMBERS = 4096


@dataclasses.dataclass(frozen=True)
class Layout:
    """The seeds of a block, split over `seeds` groups of devices; each group splits its seeds' prompts.

    Seeds on different devices exchange nothing. Devices that share prompts add up their gradients, so a
    seed's last digits depend on how many they are.
    """

    seeds: int = 1
    prompts: int = 1

    @property
    def mesh(self) -> Mesh | None:
        """The devices in a grid, or None for a single one."""
        count = self.seeds * self.prompts
        if count == 1:
            return None
        devices = np.asarray(jax.devices()[:count]).reshape(self.seeds, self.prompts)
        return Mesh(devices, (SEEDS, PROMPTS), axis_types=(AxisType.Auto, AxisType.Auto))

    @property
    def words(self) -> str:
        """What of it the last bits of a result may depend on."""
        return "1 device" if self.mesh is None else f"{self.seeds} x {self.prompts} devices"

    def active(self) -> contextlib.AbstractContextManager[Any]:
        """Where programs for this layout are compiled and run."""
        return contextlib.nullcontext() if self.mesh is None else jax.set_mesh(self.mesh)

    def place(self, by_seed: PyTree, shared: PyTree) -> tuple[PyTree, PyTree]:
        """`by_seed`, split along its leading axis, and `shared`, copied to every device."""
        if self.mesh is None:
            return by_seed, shared
        return (
            _put(by_seed, NamedSharding(self.mesh, BY_SEED)),
            _put(shared, NamedSharding(self.mesh, SHARED)),
        )


def layout_for(seeds: int, prompts: int = 1, devices: int | None = None) -> Layout:
    """The layout that uses the most devices, and of those the one that splits prompts the least.

    Args:
        seeds: how many a block has; they are split evenly.
        prompts: how many a seed's batch has, split evenly too; 1 for what cannot be split.
        devices: how many there are; by default all.

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
    """Have the devices of a seed share its prompts, and all that is computed from them."""
    if jax.sharding.get_abstract_mesh().shape.get(PROMPTS, 1) == 1:
        return prompts
    return jax.lax.with_sharding_constraint(prompts, PartitionSpec(PROMPTS))


def on_own_devices(function: Callable[..., Any], placed: tuple[Any, ...]) -> Callable[..., Any]:
    """Run `function` of arrays on every group of devices by itself, with the seeds that lie there.

    Args:
        function: its results have the seeds first.
        placed: for each of its arguments, or for parts of it, `BY_SEED` or `SHARED`.
    """
    if jax.sharding.get_abstract_mesh().shape.get(SEEDS, 1) == 1:
        return function
    return jax.shard_map(function, in_specs=placed, out_specs=BY_SEED, axis_names={SEEDS}, check_vma=False)


def over_seeds(
    one_seed: Callable[..., Any], states: PyTree
) -> Callable[[PyTree, Key[Array, " s"], Int[Array, ""]], Any]:
    """`one_seed(state, key, step)` for stacked states and keys: side by side, or in turn where that wins.

    One seed of a transformer keeps a CPU busy. A second one beside it only makes the arrays larger than the
    caches, and XLA's matrix products with a leading axis of seeds are slower than those without.
    """
    floats = jax.tree.leaves(eqx.filter(states, eqx.is_inexact_array))
    numbers = sum(leaf.size // leaf.shape[0] for leaf in floats)
    if jax.default_backend() != "cpu" or numbers < FEWEST_NUMBERS:
        return jax.vmap(one_seed, in_axes=(0, 0, None))
    return lambda states, keys, step: jax.lax.map(lambda seed: one_seed(*seed, step), (states, keys))


def _put(tree: PyTree, sharding: Sharding) -> PyTree:
    arrays, static = eqx.partition(tree, eqx.is_array)
    return eqx.combine(jax.device_put(arrays, sharding), static)


def _divisors(number: int, most: int) -> list[int]:
    return [n for n in range(1, min(number, most) + 1) if number % n == 0]
