"""The mean loss of a batch, and its gradient for micro-batches."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ._inputs import at_least_float32, read_where, rounded


def batch_mean(losses: Float[Array, "..."], *, where: Bool[Array, "..."] | None = None) -> Float[Array, ""]:
    r"""The mean of the losses of the groups, answers or actions that exist.

    $$\frac{\sum_i e_i L_i}{\max(1, \sum_i e_i)}$$

    where $e_i$ is 1 if any entry of unit `i` exists, and 0 otherwise.

    Args:
        losses: the losses that an objective returned.
        where: the mask that was passed to the objective, whose first axes are those of the losses; None if
            all entries exist.

    Returns:
        The mean, and 0 if nothing exists.

    Raises:
        ValueError: the leading axes of `where` are not those of the losses.

    Example:
        >>> import jax.numpy as jnp
        >>> from tpo_objectives import batch_mean
        >>> losses = jnp.array([1.0, 3.0, 0.0])
        >>> where = jnp.array([[True, True], [True, False], [False, False]])  # the last group is empty
        >>> print(batch_mean(losses, where=where))
        2.0
    """
    losses = jnp.asarray(losses)
    wide = losses.astype(at_least_float32(losses.dtype))
    if where is None:
        return rounded(jnp.mean(wide), losses.dtype)
    mask = jnp.asarray(where)
    if mask.shape[: losses.ndim] != losses.shape:
        raise ValueError(
            f"batch_mean: the leading axes of where must be those of the losses, {losses.shape}, got "
            f"{mask.shape}. Pass the mask that the objective was called with."
        )
    exists = jnp.any(mask, axis=tuple(range(losses.ndim, mask.ndim)))
    total = jnp.sum(jnp.where(exists, wide, 0.0))
    return rounded(total / jnp.maximum(jnp.sum(exists), 1).astype(wide.dtype), losses.dtype)


def logp_gradient(
    objective: Callable[..., Float[Array, "..."]],
    logp: Float[Array, "*l"],
    old_logp: Float[Array, "*l"],
    scores: Float[Array, "..."],
    *,
    where: Bool[Array, "*l"] | None = None,
    reduce: Callable[..., Float[Array, ""]] = batch_mean,
) -> Float[Array, "*l"]:
    r"""The gradient of the loss of a whole batch with respect to its log-probs.

    $$g = \frac{\partial}{\partial \ell}\, \mathrm{reduce}(L(\ell, \ell^{\mathrm{old}}, s))$$

    It makes micro-batches exact for every objective, even if the objective couples the whole batch. Compute
    the log-probs of the batch in slices, take `g` once, and add up the gradients of `sum(g * logp)` over
    slices, with `g` constant: by the chain rule, the sum is the gradient of the whole batch.

    Args:
        objective: an objective `(logp, old_logp, scores)`; it also gets `where` if you pass it.
        logp: log-probs in nats of the whole batch, in any shape that the objective takes.
        old_logp: shaped like `logp`, the same at sampling time.
        scores: what the objective takes.
        where: shaped like `logp`, which entries exist; all by default.
        reduce: maps the losses, and `where` if you pass it, to one number.

    Returns:
        The gradient, shaped like `logp`, and 0 at entries that do not exist.

    Raises:
        TypeError: `where` does not hold bools.
        ValueError: `where` does not have the shape of `logp`.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import numpy as np
        >>> from tpo_objectives import batch_mean, logp_gradient, tpo
        >>> weights, features = (
        ...     jnp.array([0.3, -0.2]),
        ...     jnp.array([[[1.0, 0.0], [0.0, 1.0]], [[2.0, 1.0], [1.0, 1.0]]]),
        ... )
        >>> log_probs = lambda weights, features: features @ weights  # [prompts, candidates]
        >>> scores = jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> logp = log_probs(weights, features)
        >>> g = logp_gradient(tpo, logp, logp, scores)
        >>> slices = [
        ...     jax.grad(lambda w: jnp.sum(g[i] * log_probs(w, features[i])))(weights) for i in range(2)
        ... ]
        >>> whole = jax.grad(lambda w: batch_mean(tpo(log_probs(w, features), logp, scores)))(weights)
        >>> print(np.allclose(sum(slices), whole))
        True
    """
    mask = read_where("logp_gradient", where, jnp.shape(logp))
    options = {} if mask is None else {"where": mask}

    def loss(logp: Float[Array, "*l"]) -> Float[Array, ""]:
        return reduce(objective(logp, old_logp, scores, **options), **options)

    gradient = jax.grad(loss)(jnp.asarray(logp))
    return gradient if mask is None else jnp.where(mask, gradient, 0.0)
