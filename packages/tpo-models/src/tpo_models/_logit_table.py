"""A table of logits as a policy over actions."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._precision import widened


class LogitTable(eqx.Module):
    """A policy with one free logit for each context and action: `log pi(. | c) = log_softmax(logits[c])`.

    **Arguments:**

    - `contexts`, `actions`: numbers of rows and columns.
    - `initial_std`: standard deviation of the initial logits, which are normal with mean 0. At 0, the initial
        policy is uniform.

    **Raises:** `ValueError` if a size is below 1 or `initial_std` is negative or not finite.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> policy = LogitTable(contexts=3, actions=4, key=jax.random.key(0))
    >>> jnp.exp(policy.log_policy(jnp.array([0, 2]))).tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]

    Source: arXiv 2604.06159, figures 2 (zeros) and 3 (standard deviation 1).
    """

    logits: Float[Array, "contexts actions"]

    def __init__(self, *, contexts: int, actions: int, initial_std: float = 0.0, key: PRNGKeyArray):
        if min(contexts, actions) < 1:
            raise ValueError(f"contexts and actions are {contexts} and {actions}, but must be at least 1")
        if not 0 <= initial_std < math.inf:
            raise ValueError(f"initial_std is {initial_std}, but must be at least 0 and finite")
        shape, dtype = (contexts, actions), jnp.float32
        logits = (
            initial_std * jax.random.normal(key, shape, dtype) if initial_std else jnp.zeros(shape, dtype)
        )
        self.logits = logits

    def log_policy(self, inputs: Int[Array, " b"]) -> Float[Array, "b actions"]:
        """The log-probs of all actions in every context, given by its index."""
        logits = self.logits[inputs]
        return jax.nn.log_softmax(widened(logits)).astype(logits.dtype)
