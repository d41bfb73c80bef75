"""Batches in which some entries do not exist: ragged groups and padded tokens."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tpo_envs import TokenTask
from tpo_runs import AbstractRollout, Batch, Observation, SequenceGroup, Single, Trainer, initial_state, train
from tpo_runs._learn import BASELINES, PROBES, reduce

RNG = np.random.default_rng(0)
LENGTHS = (4, 1, 0, 3)
WHERE = np.arange(4) < np.array(LENGTHS)[:, None]
LOSSES = RNG.normal(size=(4, 4)).astype(np.float32)
WEIGHTS = RNG.uniform(size=(4, 4)).astype(np.float32)


def batch_of(where=WHERE, weights=None, rewards=None, inputs=None):
    zeros = jnp.zeros(where.shape)
    rewards = zeros if rewards is None else jnp.asarray(rewards, jnp.float32)
    where = jnp.asarray(where)
    weights = None if weights is None else jnp.asarray(weights)
    return Batch(inputs, zeros, rewards, rewards, jnp.float32(0), where, weights)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_losses_of_entries_are_summed_and_averaged_over_those_that_exist(weights):
    factors = np.ones((4, 4)) if weights is None else weights
    rows = [sum(factors[i, j] * LOSSES[i, j] for j in range(n)) for i, n in enumerate(LENGTHS) if n]
    found = reduce(jnp.asarray(LOSSES), batch_of(weights=weights))
    assert float(found) == pytest.approx(np.mean(rows), rel=1e-5)


def test_losses_of_groups_are_averaged_over_groups_with_a_candidate():
    found = reduce(jnp.asarray(LOSSES[:, 0]), batch_of())
    assert float(found) == pytest.approx(LOSSES[[0, 1, 3], 0].mean(), rel=1e-5)


def test_a_batch_without_any_entry_has_no_loss():
    assert float(reduce(jnp.asarray(LOSSES), batch_of(np.zeros((4, 4), bool)))) == 0


def test_a_batch_in_which_everything_exists_has_the_loss_of_one_without_a_mask():
    whole = batch_of(np.ones((4, 4), bool))
    without = Batch(None, whole.old_logp, whole.scores, whole.rewards, whole.error)
    for losses in (LOSSES, LOSSES[:, 0]):
        assert float(reduce(jnp.asarray(losses), whole)) == pytest.approx(
            float(reduce(jnp.asarray(losses), without)), rel=1e-6
        )


@pytest.mark.parametrize("spoiled", ["losses", "weights"])
def test_nan_behind_the_mask_reaches_neither_loss_nor_gradient(spoiled):
    losses = np.where(WHERE, LOSSES, np.nan if spoiled == "losses" else LOSSES)
    weights = np.where(WHERE, WEIGHTS, np.nan if spoiled == "weights" else WEIGHTS)
    value, gradient = jax.value_and_grad(lambda losses: reduce(losses, batch_of(weights=weights)))(
        jnp.asarray(losses)
    )
    assert np.isfinite(value)
    np.testing.assert_allclose(gradient, np.where(WHERE, WEIGHTS, 0) / 3, rtol=1e-6)


# --- in training ---


class Padded(AbstractRollout):
    """Answers of several lengths, padded, with the same actions at every step."""

    def draw(self, policy, state, key):
        actions = jnp.asarray(RNG_ACTIONS)
        scores = jnp.asarray(SCORES)
        error = jnp.float32(0)
        logp = jax.nn.log_softmax(policy)[actions]
        return Batch(actions, logp, scores, scores, error, jnp.asarray(WHERE)), state

    def log_probs(self, policy, batch):
        return jax.nn.log_softmax(policy)[batch.inputs]


RNG_ACTIONS = RNG.integers(0, 3, size=(4, 4))
SCORES = RNG.uniform(size=(4, 4)).astype(np.float32)


def masked_reinforce(logp, old_logp, scores, *, where=None):
    assert where is not None
    return -jnp.where(where, scores * logp, 0.0)


def test_training_on_padded_answers_equals_training_on_each_by_itself():
    trainer = Trainer(Padded(), masked_reinforce, optax.sgd(0.1), epochs=2)
    seeds = jnp.arange(1)
    start = initial_state(trainer, lambda key: jnp.zeros(3), seeds)
    *_, (state, _) = train(trainer, start, seeds, 3)

    def loss(policy):
        logp = jax.nn.log_softmax(policy)
        answers = [
            -sum(SCORES[i, j] * logp[RNG_ACTIONS[i, j]] for j in range(n)) for i, n in enumerate(LENGTHS) if n
        ]
        return sum(answers) / len(answers)

    policy = jnp.zeros(3)
    for _ in range(6):
        policy = policy - 0.1 * jax.grad(loss)(policy)
    np.testing.assert_allclose(state.policy[0], policy, rtol=1e-5)


def test_an_objective_of_three_arguments_is_told_what_it_lacks():
    trainer = Trainer(Padded(), lambda logp, old_logp, scores: logp, optax.sgd(0.1), epochs=1)
    state = trainer.start(jnp.zeros(3), jax.random.key(0))
    with pytest.raises(TypeError, match="unexpected keyword argument 'where'"):
        trainer.episode(state, jax.random.key(0), jnp.int32(0))


# --- probes ---

TASK = TokenTask("reverse_copy", "terminal", 3, 2)
GROUPS = SequenceGroup(TASK, 4, 4)
ANSWERS = Single(TASK, 4, BASELINES["none"])


def uniform_target(old_logp, scores, *, where):
    return where / jnp.maximum(where.sum(axis=-1, keepdims=True), 1)


class Flat:
    """A policy that gives all candidates the same log-prob."""

    def sample(self, key, prompts, candidates):
        raise NotImplementedError

    def log_probs(self, prompts, answers):
        return jnp.zeros(answers.shape)

    def answer_log_softmax(self, prompts, answers):
        raise NotImplementedError


def probe(name, rollout, rewards=None, target=None, objective=masked_reinforce):
    answers = jnp.zeros((4, 4, 3), int).at[:, 1:].set(1).at[:, 3, 0].set(7)
    batch = batch_of(rewards=np.zeros((4, 4)) if rewards is None else rewards, inputs=(None, answers))
    seen = Observation(rollout, batch, objective, None, Flat(), {}, jnp.int32(0), target)
    return float(PROBES[name](seen))


# Where nothing exists there is the reward 1, which must count nowhere.
REWARDS = np.where(WHERE, [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 1, 0]], 1.0)


@pytest.mark.parametrize(
    ("name", "rollout", "expected"),
    [
        ("success_share", GROUPS, 2 / 3),
        ("all_fail_share", GROUPS, 1 / 3),
        ("success_share", ANSWERS, 1 / 3),
        ("distinct_candidates", GROUPS, (3 + 1 + 2) / 3),
    ],
)
def test_shares_and_counts_skip_what_does_not_exist(name, rollout, expected):
    assert probe(name, rollout, REWARDS) == pytest.approx(expected)


def test_weights_skip_what_does_not_exist():
    q = WHERE / np.maximum(WHERE.sum(axis=1, keepdims=True), 1)
    weighed = functools.partial(probe, rollout=GROUPS, rewards=REWARDS, target=uniform_target)
    assert weighed("success_weight") == pytest.approx(q[WHERE & (REWARDS == 1)].mean())
    assert weighed("failure_weight") == pytest.approx(q[WHERE & (REWARDS == 0)].mean())
    # without a target, the size of the gradient: the scores, which are the rewards
    assert probe("success_weight", GROUPS, REWARDS) == pytest.approx(1)
    assert probe("failure_weight", GROUPS, REWARDS) == 0


def test_the_target_is_that_of_the_candidates_that_exist():
    entropy = np.log([4, 1, 3]).mean()
    assert probe("target_entropy", GROUPS, target=uniform_target) == pytest.approx(entropy, rel=1e-5)
    assert probe("target_gap", GROUPS, target=uniform_target) == pytest.approx(0, abs=1e-6)


def test_a_probe_of_the_target_needs_one():
    with pytest.raises(ValueError, match=r"needs the target of the objective, as in Trainer\(target="):
        probe("target_entropy", GROUPS)
