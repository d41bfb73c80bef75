"""Which seeds are frozen, when, and that the others do not notice; and how a rollout's weights count."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array, Float, Int, Key

from tpo_objectives import grpo
from tpo_runs import AbstractRollout, Batch, Trainer, initial_state, train

SEEDS, STEPS = jnp.arange(8), 4


class Walker(eqx.Module):
    """A number that moves up by 1 at each step, beside leaves that no optimizer moves."""

    position: Float[Array, ""]
    visits: Int[Array, " n"]
    key: Key[Array, ""]

    def __init__(self, key):
        self.position = -jax.random.randint(key, (), 0, 9).astype(jnp.float32)
        self.visits = jnp.arange(3)
        self.key = key


class Walk(AbstractRollout):
    """Two candidates, the first with the position as its log-prob; `faulty` rewards are NaN from 0 on."""

    faulty: bool = eqx.field(static=True, default=False)
    weights: Array | None = None

    def draw(self, policy, state, key):
        rewards = jnp.array([[1.0, 0.0]])
        rewards = jnp.where(self.faulty & (policy.position >= 0), jnp.nan, rewards)
        old_logp, error = self.log_probs(policy, None), jnp.mean(1 - rewards)
        batch = Batch(None, old_logp, rewards, rewards, error)
        # Set afterwards, since the tests' checks of types refuse a wrong shape, which users do not have.
        return eqx.tree_at(lambda b: b.weights, batch, self.weights, is_leaf=lambda x: x is None), state

    def log_probs(self, policy, batch):
        return jnp.stack([policy.position, jnp.zeros(())])[None]


def walk(logp, old_logp, scores):
    return -logp[..., 0]


def failing(loss=0.0, gradient=0.0):
    """An objective whose loss, or whose gradient alone, is not finite from position 0 on."""

    def objective(logp, old_logp, scores):
        lost = logp[..., 0] >= 0
        still = logp[..., 0] - jax.lax.stop_gradient(logp[..., 0])  # 0, and its root has an infinite gradient
        root = jnp.sqrt(jnp.where(lost, still, 1.0))
        bad = loss + {0.0: 0.0, np.inf: root}.get(gradient, 0.0 * root)
        return walk(logp, old_logp, scores) + jnp.where(lost, bad, 0.0)

    return objective


def run(trainer, steps=STEPS):
    state = initial_state(trainer, Walker, SEEDS)
    before = state.policy.position.tolist()
    chunks = [(state.policy.position.copy(), chunk) for state, chunk in train(trainer, state, SEEDS, steps)]
    metrics = {
        name: np.concatenate([chunk.metrics[name] for _, chunk in chunks], axis=1)
        for name in ("error", "loss")
    }
    return np.array(before), metrics, np.asarray(chunks[-1][0])


def trainer_of(objective, rollout=None):
    return Trainer(rollout or Walk(), objective, optax.sgd(1.0, momentum=0.0), epochs=1)


@functools.cache
def healthy_run(objective):
    """The metrics and the last positions of a run in which nothing fails."""
    _, metrics, ended = run(trainer_of(objective))
    return metrics, ended


FAULTS = {
    "a loss of NaN": failing(loss=np.nan),
    "a loss of infinity": failing(loss=np.inf),
    "a loss of minus infinity": failing(loss=-np.inf),
    "a gradient of NaN": failing(gradient=np.nan),
    "a gradient of infinity": failing(gradient=np.inf),
}


@pytest.mark.parametrize("objective", FAULTS.values(), ids=FAULTS)
def test_a_seed_that_diverges_is_frozen_at_that_step_and_the_others_keep_every_bit(objective):
    started, metrics, ended = run(trainer_of(objective))
    healthy, unharmed = healthy_run(walk)
    lost_at = -started  # the step at which it stands at 0
    assert (lost_at < STEPS).any()
    assert (lost_at >= STEPS).any()
    lost = np.arange(STEPS) >= lost_at[:, None]
    for name in ("error", "loss"):
        np.testing.assert_array_equal(metrics[name], np.where(lost, np.nan, healthy[name]))
    np.testing.assert_array_equal(ended, np.minimum(unharmed, 0.0))


def walk_by_scores(*arrays):
    return walk(*arrays) + 0.0 * grpo(*arrays)


@pytest.mark.parametrize("objective", [walk, walk_by_scores])
def test_a_seed_whose_rewards_are_nan_is_frozen_whatever_the_objective_makes_of_them(objective):
    started, metrics, ended = run(trainer_of(objective, Walk(faulty=True)))
    healthy, unharmed = healthy_run(objective)
    lost = np.arange(STEPS) >= -started[:, None]
    for name in ("error", "loss"):
        np.testing.assert_array_equal(metrics[name], np.where(lost, np.nan, healthy[name]))
    np.testing.assert_array_equal(ended, np.minimum(unharmed, 0.0))


def by_sample(logp, old_logp, scores):
    return jnp.array([[2.0, 3.0]]) + 0.0 * logp


def test_weights_count_in_losses_of_samples():
    rollout = Walk(weights=jnp.array([[0.5, 0.25]]))
    _, metrics, _ = run(trainer_of(by_sample, rollout), steps=1)
    np.testing.assert_allclose(metrics["loss"], np.full((8, 1), 2 * 0.5 + 3 * 0.25))


def test_weights_of_samples_are_refused_for_losses_of_groups():
    rollout = Walk(weights=jnp.array([[0.5, 0.25]]))
    with pytest.raises(
        ValueError, match=r"one loss per group.*but the rollout weights each sample.*\(1, 2\)"
    ):
        run(trainer_of(walk, rollout), steps=1)


def test_weights_of_another_shape_are_refused():
    rollout = Walk(weights=jnp.array([0.5, 0.25]))
    with pytest.raises(ValueError, match=r"weights of shape \(2,\); expected \(1, 2\)"):
        run(trainer_of(by_sample, rollout), steps=1)
