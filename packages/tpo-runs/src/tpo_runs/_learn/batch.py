"""Batches of samples, and the reduction of an objective's losses on them."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree, Shaped

from tpo_objectives import kl

from .protocols import Objective


class Batch(eqx.Module):
    """A batch of samples, held fixed for all gradient steps on it.

    The last axis of its arrays `[*b]` holds the candidates of a group or the tokens of one answer. If the
    candidates are answers with token log-probs, `old_logp` and `where` have one more axis than the rest:
    `[*b t]`.

    **Arguments:**

    - `inputs`: anything that the rollout's `log_probs` needs to score the same samples again.
    - `old_logp`: `[*b]` or `[*b t]`, log-probs in nats under the policy that drew the samples.
    - `scores`: `[*b]`, the scores that the objective gets: rewards for groups, advantages for single samples.
    - `rewards`: `[*b]`, the rewards behind the scores, in [0, 1].
    - `error`: one minus the mean reward of the drawn samples, in [0, 1]. Compute it as the mean of
        `1 - reward`, so that rounding cannot make it negative.
    - `where`: shaped like `old_logp`, which entries exist, for ragged groups and padded tokens; None if all
        exist. The other entries must be finite and have no effect.
    - `corrections`: shaped like `old_logp`, the keyword `weights` of the objective; None for no such keyword.
        Rollouts that sample from another policy than the trained one use it as a correction.
    - `ref_logp`: shaped like `old_logp`, log-probs under a reference policy; None for no penalty.
    - `kl_coef`: weight of the KL penalty toward that policy.
    - `weights`: `[*b]`, the weight of each entry's loss; None for 1 each. Rollouts that enumerate actions
        instead of sampling them weight actions by their probabilities.
    """

    inputs: PyTree
    old_logp: Float[Array, "..."]
    scores: Float[Array, "*b"]
    rewards: Float[Array, "*b"]
    error: Float[Array, ""]
    where: Bool[Array, "..."] | None = None
    weights: Float[Array, "*b"] | None = None
    corrections: Float[Array, "..."] | None = None
    ref_logp: Float[Array, "..."] | None = None
    kl_coef: float = eqx.field(static=True, default=0.0)

    @property
    def mask(self) -> dict[str, Bool[Array, "..."]]:
        """The keyword `where` for functions of `tpo_objectives`; no keyword at all if every entry exists."""
        return {} if self.where is None else {"where": self.where}

    @property
    def exists(self) -> Bool[Array, "*b"] | None:
        """Which entries of `scores` exist; None if all exist. An answer exists if one of its tokens does."""
        if self.where is None or self.where.ndim == self.scores.ndim:
            return self.where
        return jnp.any(self.where, axis=-1)

    def losses(self, objective: Objective, logp: Float[Array, "..."]) -> Any:
        """The losses of the objective, not reduced, for current log-probs shaped like `old_logp`."""
        options = {} if self.corrections is None else {"weights": self.corrections}
        return objective(logp, self.old_logp, self.scores, **self.mask, **options)

    def penalty(self, logp: Float[Array, "..."]) -> Float[Array, ""]:
        """The KL penalty toward the reference: `kl_coef` times the mean of `k3` over entries that exist."""
        assert self.ref_logp is not None, "a batch without a reference has no penalty"
        divergence = kl.k3(logp, self.ref_logp, **self.mask)
        count = divergence.size if self.where is None else jnp.maximum(jnp.sum(self.where), 1)
        return self.kl_coef * jnp.sum(divergence) / count

    def mean(self, values: Shaped[Array, "*c"]) -> Float[Array, ""]:
        """The mean of one value per group or answer, over those with at least one entry."""
        if self.exists is None:
            return jnp.mean(values)
        exists = jnp.any(self.exists, axis=-1)
        return jnp.sum(jnp.where(exists, values, 0.0)) / jnp.maximum(jnp.sum(exists), 1)


def reduce(losses: Any, batch: Batch) -> Float[Array, ""]:
    r"""Reduce the losses on a batch to one number: the sum over the last axis, and the mean over the others.

    $$L = \frac{1}{|R|} \sum_{i \in R} \sum_{j:\, m_{ij}} w_{ij} L_{ij}, \; R = \{i : \exists j\, m_{ij}\}$$

    with the batch's `where` as `m` and its `weights` as `w`. Empty rows are left out of the mean, and an
    empty batch has loss 0. If there is one loss per group, it is already summed over the last axis.

    **Arguments:**

    - `losses`: the losses that an objective, possibly a user's function, returned.
    - `batch`: the batch that the objective was called on.

    **Returns:** the scalar loss.

    **Raises:** `TypeError` if `losses` is not an array of floats. `ValueError` if its shape is neither that
    of `batch.scores` nor that without the last axis, if `where` or `weights` have another shape than
    described, or if there are weights but only one loss per group.
    """
    shape = batch.scores.shape
    check_losses(losses, shape)
    _check_batch(batch, losses.shape)
    if losses.shape == shape:
        weights, where = batch.weights, batch.exists
        if where is not None:
            # Mask both factors, so that a masked NaN does not reach the gradient.
            losses = jnp.where(where, losses, 0.0)
            weights = None if weights is None else jnp.where(where, weights, 0.0)
        losses = jnp.sum(losses if weights is None else weights * losses, axis=-1)
    return batch.mean(losses)


def _check_batch(batch: Batch, losses: tuple[int, ...]) -> None:
    shape = batch.scores.shape
    for name, array, like in (
        ("where", batch.where, batch.old_logp.shape),
        ("weights", batch.weights, shape),
    ):
        if array is not None and array.shape != like:
            raise ValueError(f"the batch has {name} of shape {array.shape}; expected {like}, one per sample")
    if batch.weights is not None and losses != shape:
        raise ValueError(
            f"the objective returned one loss per group, shape {losses}, but the rollout weights "
            f"each sample; expected {shape}, one per sample, or a rollout without weights"
        )


def check_losses(losses: Any, shape: tuple[int, ...]) -> None:
    """Check the losses that an objective returned for log-probs of this shape.

    **Raises:** `TypeError` if it is not an array of floats, `ValueError` if it has another shape. Both
    messages say which array the objective should return.
    """
    expected = f"expected {shape[:-1]}, one loss per group, or {shape}, one per sample"
    if not isinstance(losses, Array):
        raise TypeError(f"the objective returned a {type(losses).__name__}, not a JAX array; {expected}")
    if not jnp.issubdtype(losses.dtype, jnp.floating):
        raise TypeError(f"the objective returned {losses.dtype}, which has no gradient; expected floats")
    if losses.shape not in (shape, shape[:-1]):
        fix = "; return the losses without their mean or sum" if losses.shape == () else ""
        raise ValueError(
            f"the objective returned losses of shape {losses.shape} for log-probs of shape {shape}; "
            f"{expected}{fix}"
        )
