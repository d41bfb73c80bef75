"""Baselines that are subtracted from the rewards of single answers."""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float

Baseline: TypeAlias = Callable[[Float[Array, "b *h"]], Float[Array, "b *h"]]


def batch_mean(rewards: Float[Array, "b *h"]) -> Float[Array, "b *h"]:
    """Rewards minus their mean over the batch, at each position."""
    return rewards - jnp.mean(rewards, axis=0, keepdims=True)


def none(rewards: Float[Array, "b *h"]) -> Float[Array, "b *h"]:
    """The rewards themselves."""
    return rewards


BASELINES: dict[str, Baseline] = {"batch_mean": batch_mean, "none": none}
