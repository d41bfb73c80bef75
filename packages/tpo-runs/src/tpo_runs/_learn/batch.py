"""What a rollout draws, and how losses over it become one number."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree


class Batch(eqx.Module):
    """One batch sampled from the behaviour policy, frozen for all gradient steps on it.

    **Arguments:**

    - `inputs`: whatever the rollout's `log_probs` needs to score the same samples again.
    - `old_logp`: log-probs at sampling time, `[b k]` for groups or `[b h]` for single samples.
    - `scores`: what the objective weighs the samples by, shaped as `old_logp`: rewards for groups,
        advantages for single samples.
    - `rewards`: the rewards behind the scores, shaped as `old_logp`, in [0, 1].
    - `error`: one minus the mean reward of what the behaviour policy sampled, as the mean of what is missing
        to 1, which rounding cannot make negative.
    - `weights`: how much each sample's loss counts, shaped as `old_logp`; None for once each. Only rollouts
        that enumerate instead of sampling have them.
    """

    inputs: PyTree
    old_logp: Float[Array, "*b"]
    scores: Float[Array, "*b"]
    rewards: Float[Array, "*b"]
    error: Float[Array, ""]
    weights: Float[Array, "*b"] | None = None


class AbstractRollout(eqx.Module):
    """Decides which candidates are sampled and what counts as a group."""

    @abc.abstractmethod
    def draw(self, policy: Any, key: PRNGKeyArray) -> Batch:
        """Sample a batch from the policy and score it."""

    @abc.abstractmethod
    def log_probs(self, policy: Any, batch: Batch) -> Float[Array, "*b"]:
        """The log-probs of a batch's samples under another policy, shaped as `batch.old_logp`."""


def reduce(losses: Any, batch: Batch) -> Float[Array, ""]:
    """Sum over the last axis (tokens of an answer, or candidates of a group), mean over the rest.

    Group-level losses have that axis summed already; losses shaped as the batch's log-probs have not.

    **Arguments:**

    - `losses`: what an objective returned, which may be anybody's function.
    - `batch`: what it was called on.

    **Raises:** `TypeError` for what is no array of floats, `ValueError` for losses of any other shape; both
    name what the objective should return. `ValueError`, too, for losses of groups where the batch weighs
    samples: they are added up already.
    """
    shape = batch.old_logp.shape
    check_losses(losses, shape)
    if batch.weights is not None:
        _check_weights(batch.weights.shape, losses.shape, shape)
    if losses.shape == shape:
        losses = losses if batch.weights is None else batch.weights * losses
        return jnp.mean(jnp.sum(losses, axis=-1))
    return jnp.mean(losses)


def _check_weights(weights: tuple[int, ...], losses: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if weights != shape:
        raise ValueError(f"the batch has weights of shape {weights}; expected {shape}, one per sample")
    if losses == shape[:-1]:
        raise ValueError(
            f"the objective returned one loss per group, shape {losses}, but the rollout weighs "
            f"each sample; expected {shape}, one per sample, or a rollout without weights"
        )


def check_losses(losses: Any, shape: tuple[int, ...]) -> None:
    """Refuse what are no losses for log-probs of this shape, with what the objective should return.

    **Raises:** `TypeError` for what is no array of floats, `ValueError` for losses of any other shape.
    """
    expected = f"expected {shape[:-1]}, one loss per group, or {shape}, one per sample"
    if not isinstance(losses, Array):
        raise TypeError(f"the objective returned a {type(losses).__name__}, not an array of JAX; {expected}")
    if not jnp.issubdtype(losses.dtype, jnp.floating):
        raise TypeError(f"the objective returned {losses.dtype}, which has no gradient; expected floats")
    if losses.shape not in (shape, shape[:-1]):
        fix = "; return the losses without their mean or sum" if losses.shape == () else ""
        raise ValueError(
            f"the objective returned losses of shape {losses.shape} for log-probs of shape {shape}; "
            f"{expected}{fix}"
        )
