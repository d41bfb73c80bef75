"""Measures of a bandit's policy on test contexts: its error and the surplus of its updates."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, Scalar

from .bandits import AbstractSampling
from .protocols import ActionPolicy, BanditTask, Objective

BLOCK = 256  # contexts whose actions are enumerated at once


class GreedyError(eqx.Module):
    """The share of the contexts of a test task in which the most probable action is wrong."""

    task: BanditTask

    def __call__(self, policy: ActionPolicy, key: PRNGKeyArray) -> dict[str, Scalar]:
        """The column `test_error`, in [0, 1]."""
        del key
        contexts = self.task.all_contexts()
        best = jnp.argmax(policy.log_policy(contexts.inputs), axis=-1)
        return {"test_error": 1 - jnp.mean(self.task.reward(contexts, best))}


class Surplus(eqx.Module):
    """The gain of a method's update in the probability of the right class, beyond that of a symmetric update.

    To first order, an update `g` of the logits raises the probability `p_y` of the right class by
    `p_y (e_y - pi) . g`. The surplus is this gain for the method's update, expected over its sampled action,
    minus the gain of the symmetric update `beta (e_y - pi)`. Here, `beta` is that of the expected update if
    the wrong classes share `1 - p_y` evenly. The surplus is averaged over the misclassified contexts, in bins
    of the share of `1 - p_y` that the likeliest wrong class has.

    **Arguments:**

    - `task`: the test contexts.
    - `rollout`: turns sampled actions into scores. Its baseline must not depend on other samples.
    - `objective`: the loss.
    - `edges`: the edges of the bins, increasing from 0; the last edge is above 1, so that 1 falls into a bin.

    Source: arXiv 2604.06159, figure 4b and appendix C. The paper has closed forms of the expectations; here
    they are computed from the training loss, by enumeration of the actions.
    """

    task: BanditTask
    rollout: AbstractSampling
    objective: Objective = eqx.field(static=True)
    edges: tuple[float, ...] = eqx.field(static=True)

    def __call__(self, policy: ActionPolicy, key: PRNGKeyArray) -> dict[str, Scalar]:
        """The columns `surplus_bin_i`: the mean surplus in bin `i`, NaN if it is empty."""
        del key
        contexts = self.task.all_contexts()
        logp, right = policy.log_policy(contexts.inputs), self.task.all_rewards(contexts)
        missed = jnp.take_along_axis(right, jnp.argmax(logp, axis=-1)[:, None], axis=-1)[:, 0] == 0
        # The enumeration is expensive and few contexts are misclassified, so these come first, in blocks.
        order = jnp.argsort(~missed)

        def add(block: Int[Array, ""], totals: Float[Array, "2 bins"]) -> Float[Array, "2 bins"]:
            position = block * BLOCK + jnp.arange(BLOCK)
            rows = order[jnp.minimum(position, len(order) - 1)]
            surplus = self.of(logp[rows], right[rows])
            concentration = wrong_concentration(logp[rows], right[rows])[:, None]
            low, high = jnp.array(self.edges[:-1]), jnp.array(self.edges[1:])
            counted = (low <= concentration) & (concentration < high) & (position < missed.sum())[:, None]
            sums = jnp.sum(jnp.where(counted, surplus[:, None], 0.0), axis=0)
            return totals + jnp.stack([sums, jnp.sum(counted, axis=0).astype(sums.dtype)])

        blocks = -(-jnp.sum(missed) // BLOCK)
        bins = len(self.edges) - 1
        sums, counts = jax.lax.fori_loop(0, blocks, add, jnp.zeros((2, bins)))
        return {f"surplus_bin_{i}": sums[i] / counts[i] for i in range(bins)}

    def of(self, logp: Float[Array, "b a"], right: Float[Array, "b a"]) -> Float[Array, " b"]:
        """The surplus of each context, from its log-probs and the one-hot of its right action."""
        direction = right - jnp.exp(logp)
        p = jnp.sum(right * jnp.exp(logp), axis=-1)
        gain = p * jnp.sum(direction * self.expected_update(logp, right), axis=-1)
        even = jnp.log(jnp.where(right > 0, p[:, None], (1 - p[:, None]) / (logp.shape[-1] - 1)))
        # The entry at y of the symmetric update beta (e_y - pi) is beta (1 - p_y).
        beta = jnp.sum(right * self.expected_update(even, right), axis=-1) / (1 - p)
        return gain - beta * p * jnp.sum(direction**2, axis=-1)

    def expected_update(self, logp: Float[Array, "b a"], right: Float[Array, "b a"]) -> Float[Array, "b a"]:
        """Minus the gradient, in the logits, of the loss expected over the sampled action."""
        size = logp.shape[-1]
        old = jnp.repeat(logp, size, axis=0)
        probs = jnp.exp(old)
        actions = jnp.tile(jnp.arange(size, dtype=jnp.int32), len(logp))[:, None]
        advantages = self.rollout.baseline(right.reshape(-1, 1), probs)
        scores = self.rollout.scores(advantages, actions, probs)

        def expected_loss(logits: Float[Array, "b a"]) -> Float[Array, ""]:
            now = self.rollout.select(jnp.repeat(jax.nn.log_softmax(logits), size, axis=0), actions)
            losses = self.objective(now, self.rollout.select(old, actions), scores)
            return jnp.sum(jnp.exp(logp) * losses.reshape(len(logp), size))

        return -jax.grad(expected_loss)(logp)


def wrong_concentration(logp: Float[Array, "b a"], right: Float[Array, "b a"]) -> Float[Array, " b"]:
    """The likeliest wrong class's share of the wrong classes: `max_{j != y} pi_j / (1 - pi_y)`."""
    wrong = jnp.where(right > 0, 0.0, jnp.exp(logp))
    return jnp.max(wrong, axis=-1) / jnp.sum(wrong, axis=-1)
