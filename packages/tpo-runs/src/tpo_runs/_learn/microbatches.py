"""Computes the gradient of a batch one part of its prompts at a time."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .batch import Batch


def in_microbatches(
    log_probs: Callable[[PyTree, Batch], Float[Array, "b *rest"]],
    loss_of: Callable[[Float[Array, "b *rest"]], Float[Array, ""]],
    params: PyTree,
    batch: Batch,
    count: int,
) -> tuple[Float[Array, ""], PyTree]:
    """The loss of a batch and its gradient in the parameters, as on the whole batch up to rounding.

    All log-probs are computed first, without storing intermediate results for the gradient, so that the loss
    may mix groups. Then the gradient of the loss in the log-probs is propagated back through one part of the
    prompts at a time.

    **Arguments:**

    - `log_probs`: computes the log-probs of a batch from its `inputs`.
    - `loss_of`: the loss of these log-probs.
    - `params`: the parameters.
    - `batch`: the batch; the first axis of its `inputs` is the prompt axis.
    - `count`: the number of parts; must divide the number of prompts.
    """

    def of_part(params, inputs):
        return log_probs(params, eqx.tree_at(lambda b: b.inputs, batch, inputs))

    parts = jax.tree.map(lambda leaf: leaf.reshape(count, -1, *leaf.shape[1:]), batch.inputs)
    logp = jax.lax.map(lambda inputs: of_part(params, inputs), parts)
    loss, of_logp = jax.value_and_grad(loss_of)(logp.reshape(-1, *logp.shape[2:]))

    def add(total, part):
        inputs, of_part_logp = part
        _, pull_back = jax.vjp(lambda params: of_part(params, inputs), params)
        (gradient,) = pull_back(of_part_logp)
        return jax.tree.map(jnp.add, total, gradient), None

    zero = jax.tree.map(jnp.zeros_like, params)
    gradient, _ = jax.lax.scan(add, zero, (parts, of_logp.reshape(logp.shape)))
    return loss, gradient
