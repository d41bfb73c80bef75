"""Probes of the batch: how many samples succeed, and how much they can teach."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Int, Scalar

from tpo_objectives import standardize

from .batch import Batch
from .observation import Observation

# Rounding may keep the mean over the tokens of a right answer from being exactly 1. A wrong token lowers it
# by more than this.
_ROUNDING = 1e-5


def succeeded(batch: Batch) -> Bool[Array, "*b"]:
    """Which samples, shaped like the batch's scores, exist and have reward 1."""
    right = batch.rewards > 1 - _ROUNDING
    return right if batch.exists is None else right & batch.exists


def gradient_norm(seen: Observation) -> Scalar:
    """The Euclidean norm of the gradient of the first epoch, over all trained parameters."""
    return optax.tree.norm(seen.first_gradient)


def success_share(seen: Observation) -> Scalar:
    """The share of groups with at least one candidate of reward 1, in [0, 1].

    A group of whole answers is a prompt; a group of next tokens is one prefix of an answer. A single answer
    counts as the only candidate of its prompt, and succeeds if each of its tokens has reward 1.
    """
    hits, where = succeeded(seen.batch), seen.batch.exists
    if seen.rollout.grouped:
        return seen.batch.mean(jnp.any(hits, axis=-1))
    return seen.batch.mean(jnp.all(hits if where is None else hits | ~where, axis=-1))


def all_fail_share(seen: Observation) -> Scalar:
    """The share of groups in which no candidate has reward 1, in [0, 1]."""
    return 1 - success_share(seen)


def zero_variance_share(seen: Observation) -> Scalar:
    """The share of groups whose scores the objectives treat as equal, in [0, 1]."""
    return seen.batch.mean(jnp.all(standardize(seen.batch.scores, where=seen.batch.exists) == 0, axis=-1))


def distinct_candidates(seen: Observation) -> Scalar:
    """The mean number of distinct candidates (answers or next tokens) in a group, from 1 to its size."""
    return seen.batch.mean(distinct(seen.batch, seen.batch.exists))


def distinct(batch: Batch, where: Bool[Array, "*b k"] | None) -> Int[Array, "*b"]:
    """The number of distinct candidates of each group among those that `where` selects."""
    *_, candidates = batch.inputs
    if candidates.ndim == batch.scores.ndim:  # single tokens
        candidates = candidates[..., None]
    same = jnp.all(candidates[..., :, None, :] == candidates[..., None, :, :], axis=-1)
    same = same if where is None else same & where[..., None, :]
    first = ~jnp.any(jnp.tril(same, k=-1), axis=-1)
    return jnp.sum(first if where is None else first & where, axis=-1)
