"""Probes of what was sampled: how much of it succeeded, and what it can teach."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Scalar

from tpo_objectives import standardize

from .batch import Batch
from .observation import Observation
from .tokens import Single, TokenGroup

# A mean over the tokens of an answer may miss 1 by a rounding; a single wrong token takes more than this.
_ROUNDING = 1e-5


def succeeded(batch: Batch) -> Bool[Array, "*b"]:
    """Which samples of a batch, shaped as its log-probs, have the reward 1."""
    return batch.rewards > 1 - _ROUNDING


def gradient_norm(seen: Observation) -> Scalar:
    """The Euclidean norm, over all parameters, of the gradient of the first epoch."""
    return optax.tree.norm(seen.first_gradient)


def success_share(seen: Observation) -> Scalar:
    """The share of groups with at least one candidate of reward 1, in [0, 1].

    A group of whole answers is a prompt; a group of next tokens is one prefix of an answer. A single answer
    counts as its prompt's only candidate, and has succeeded where every token is paid in full.
    """
    hits = succeeded(seen.batch)
    return jnp.mean(jnp.all(hits, axis=-1) if isinstance(seen.rollout, Single) else jnp.any(hits, axis=-1))


def all_fail_share(seen: Observation) -> Scalar:
    """The share of groups in which no candidate has the reward 1, in [0, 1]."""
    return 1 - success_share(seen)


def zero_variance_share(seen: Observation) -> Scalar:
    """The share of groups whose scores the objectives take for equal, in [0, 1]: they teach nothing."""
    return jnp.mean(jnp.all(standardize(seen.batch.scores) == 0, axis=-1))


def distinct_candidates(seen: Observation) -> Scalar:
    """The mean number of distinct candidates in a group, from 1 to its size: answers, or next tokens."""
    *_, candidates = seen.batch.inputs
    if isinstance(seen.rollout, TokenGroup):
        candidates = candidates[..., None]
    same = jnp.all(candidates[..., :, None, :] == candidates[..., None, :, :], axis=-1)
    seen_before = jnp.any(jnp.tril(same, k=-1), axis=-1)
    return jnp.mean(jnp.sum(~seen_before, axis=-1))
