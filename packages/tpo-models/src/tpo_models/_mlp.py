"""A multilayer perceptron as a policy over actions."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from ._dense import Dense
from ._precision import widened


class MLP(eqx.Module):
    """A policy from vectors to log-probs of actions, with hidden layers and ReLU.

    `log pi(. | x) = log_softmax(W_n relu(... relu(W_1 x + b_1) ...) + b_n)`

    **Arguments:**

    - `inputs`: length of the input vectors.
    - `actions`: number of actions.
    - `hidden`: widths of the hidden layers; empty for a linear policy.

    **Raises:** `ValueError` if a size is below 1.

    Kernels are initialized LeCun-normal (truncated normal, variance `1 / fan_in`) and biases with zeros.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> policy = MLP(inputs=784, actions=10, key=jax.random.key(0))
    >>> policy.log_policy(jnp.zeros((2, 784))).shape
    (2, 10)
    >>> sum(leaf.size for leaf in jax.tree.leaves(policy))
    42310

    Source: arXiv 2604.06159, section 3, the policy of the MNIST bandit.
    """

    layers: tuple[Dense, ...]

    def __init__(self, *, inputs: int, actions: int, hidden: tuple[int, ...] = (50, 50), key: PRNGKeyArray):
        sizes = (inputs, *hidden, actions)
        if min(sizes) < 1:
            raise ValueError(
                f"inputs, hidden and actions are {inputs}, {hidden} and {actions}, but each size "
                "must be at least 1"
            )
        keys = jax.random.split(key, len(sizes) - 1)
        self.layers = tuple(
            Dense(fan_in, fan_out, key=layer_key)
            for fan_in, fan_out, layer_key in zip(sizes[:-1], sizes[1:], keys, strict=True)
        )

    def log_policy(self, inputs: Float[Array, "b d"]) -> Float[Array, "b actions"]:
        """The log-probs of all actions for every row."""
        *hidden, head = self.layers
        for layer in hidden:
            inputs = jax.nn.relu(layer(inputs))
        logits = head(inputs)
        return jax.nn.log_softmax(widened(logits)).astype(logits.dtype)
