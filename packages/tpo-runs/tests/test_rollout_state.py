"""Rollouts that keep a state: a replay buffer, and samples from an older policy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tpo_objectives import reinforce
from tpo_runs import AbstractRollout, Batch, Trainer, initial_state, train
from tpo_runs._run import Checkpoint, Checkpoints

ACTIONS, SIZE, STEPS, RATE = 4, 3, 7, 0.5
SEEDS = jnp.array([2, 9])


def make_policy(key):
    return jax.random.normal(key, (ACTIONS,))


def sample(policy, key):
    return jax.random.categorical(key, policy, shape=(SIZE,))


def batch_of(policy, actions):
    rewards = (actions == 1).astype(jnp.float32)[:, None]
    logp = jax.nn.log_softmax(policy)[actions][:, None]
    return Batch(actions, logp, rewards - 0.25, rewards, jnp.mean(1 - rewards))


class OwnActions(AbstractRollout):
    def log_probs(self, policy, batch):
        return jax.nn.log_softmax(policy)[batch.inputs][:, None]


class Replay(OwnActions):
    """Trains on the newest actions and on those of the step before; remembers the best reward."""

    def init(self, policy, key):
        return sample(policy, key), jnp.float32(-jnp.inf)

    def draw(self, policy, state, key):
        older, best = state
        newest = sample(policy, key)
        batch = batch_of(policy, jnp.concatenate([newest, older]))
        return batch, (newest, jnp.maximum(best, batch.rewards[:SIZE].max() - 2))


class Stale(OwnActions):
    """Samples from the policy of the step before; at first, from the initial one."""

    def init(self, policy, key):
        return policy

    def draw(self, policy, state, key):
        return batch_of(state, sample(state, key)), policy


def trainer_of(rollout, optimizer=None):
    return Trainer(rollout, reinforce, optimizer or optax.sgd(RATE), epochs=1)


def run(trainer, state, steps=STEPS, **options):
    chunks = list(train(trainer, state, SEEDS, steps, **options))
    return {
        name: np.concatenate([chunk.metrics[name] for _, chunk in chunks], axis=1)
        for name in ("error", "loss")
    }, chunks[-1][0]


def seed_keys_by_hand(seed):
    root = jax.random.fold_in(jax.random.key(0), seed)
    policy_key, step_key = jax.random.split(root)
    return policy_key, step_key, jax.random.fold_in(root, 2)


def gradient_step(policy, batch):
    def loss(policy):
        logp = jax.nn.log_softmax(policy)[batch.inputs][:, None]
        return reinforce(logp, batch.old_logp, batch.scores).mean()

    return policy - RATE * jax.grad(loss)(policy)


def test_a_replay_buffer_equals_a_loop_written_out():
    trainer = trainer_of(Replay())
    metrics, state = run(trainer, initial_state(trainer, make_policy, SEEDS))
    for row, seed in enumerate([2, 9]):
        policy_key, step_key, rollout_key = seed_keys_by_hand(seed)
        policy = make_policy(policy_key)
        older = sample(policy, rollout_key)
        for step in range(STEPS):
            newest = sample(policy, jax.random.fold_in(step_key, step))
            batch = batch_of(policy, jnp.concatenate([newest, older]))
            assert metrics["error"][row, step] == pytest.approx(float(batch.error), abs=1e-6)
            policy, older = gradient_step(policy, batch), newest
        np.testing.assert_allclose(state.policy[row], policy, atol=1e-5)
        np.testing.assert_array_equal(state.rollout_state[0][row], older)
    # minus infinity at the start: a rollout's state may hold what a policy's may not
    assert np.isfinite(metrics["loss"]).all()


def test_samples_of_an_older_policy_equal_a_loop_written_out():
    trainer = trainer_of(Stale())
    _, state = run(trainer, initial_state(trainer, make_policy, SEEDS))
    for row, seed in enumerate([2, 9]):
        policy_key, step_key, _ = seed_keys_by_hand(seed)
        policy = older = make_policy(policy_key)
        for step in range(STEPS):
            batch = batch_of(older, sample(older, jax.random.fold_in(step_key, step)))
            policy, older = gradient_step(policy, batch), policy
        np.testing.assert_allclose(state.policy[row], policy, atol=1e-5)
        np.testing.assert_allclose(state.rollout_state[row], older, atol=1e-5)


def test_an_optimizer_may_start_with_the_policy_as_its_state():
    trainer = trainer_of(Stale(), optax.contrib.schedule_free_sgd(RATE))
    metrics, _ = run(trainer, initial_state(trainer, make_policy, SEEDS))
    assert np.isfinite(metrics["loss"]).all()


@pytest.mark.parametrize("rollout", [Replay(), Stale()], ids=["replay", "stale"])
def test_a_rollouts_state_is_saved_and_resumed_to_the_bit(rollout, tmp_path):
    trainer = trainer_of(rollout, optax.adam(RATE))
    whole, at_the_end = run(trainer, initial_state(trainer, make_policy, SEEDS))
    metrics, state = run(trainer, initial_state(trainer, make_policy, SEEDS), steps=3)
    checkpoints = Checkpoints(tmp_path / "checkpoints", {"cell": "replay"})
    checkpoints.save(Checkpoint(3, state, metrics, {}))
    complaints = []
    found = checkpoints.latest(initial_state(trainer, make_policy, SEEDS), complaints.append)
    assert found is not None
    assert (found.step, complaints) == (3, [])
    rest, resumed = run(trainer, found.state, first_step=3)
    for name, values in whole.items():
        np.testing.assert_array_equal(np.concatenate([found.metrics[name], rest[name]], axis=1), values)
    for a, b in zip(jax.tree.leaves(resumed), jax.tree.leaves(at_the_end), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_seed_that_diverges_keeps_the_rollouts_state_of_the_step_before():
    trainer = trainer_of(Replay(), optax.adam(RATE))
    _, state = run(trainer, initial_state(trainer, make_policy, SEEDS), steps=3)
    before = np.asarray(state.rollout_state[0]).copy()
    poisoned = eqx.tree_at(lambda state: state.policy, state, state.policy.at[0].set(jnp.nan))
    metrics, after = run(trainer, poisoned, first_step=3)
    assert np.isnan(metrics["loss"][0]).all()
    np.testing.assert_array_equal(after.rollout_state[0][0], before[0])
    assert np.isfinite(metrics["loss"][1]).all()


class Counting(Replay):
    def init(self, policy, key):
        return 0


def test_a_state_that_no_compiled_loop_could_change_is_refused():
    with pytest.raises(
        TypeError, match=r"rollout's state holds 0; expected arrays, as in jnp\.zeros\(\(\)\)"
    ):
        initial_state(trainer_of(Counting()), make_policy, SEEDS)


class Fresh(OwnActions):
    def draw(self, policy, state, key):
        return batch_of(policy, sample(policy, key)), state


def test_a_rollout_without_a_state_adds_nothing_to_what_is_saved():
    state = initial_state(trainer_of(Fresh()), make_policy, SEEDS)
    assert len(jax.tree.leaves(state)) == len(jax.tree.leaves((state.policy, state.optimizer_state)))
