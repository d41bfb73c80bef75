"""Rollouts, probes, measures and the unit-norm step of the bandit experiments."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

EDGES = (0.0, 0.25, 0.5, 0.75, 1.01)


def table_of(probs):
    from tpo_models import LogitTable

    table = LogitTable(contexts=len(probs), actions=probs.shape[1], key=jax.random.key(0))
    return eqx.tree_at(lambda table: table.logits, table, jnp.log(jnp.asarray(probs, jnp.float32)))


PROBS = np.array([[0.2, 0.3, 0.5], [0.7, 0.1, 0.2]])


def task():
    from tpo_envs import ContextTable

    return ContextTable(2, 3, correct=[0, 2])


def test_actions_are_drawn_with_their_probabilities():
    from tpo_runs._learn import sample_actions

    count = 100_000
    logp = jnp.log(jnp.asarray([[0.2, 0.3, 0.5], [1e-30, 1.0, 1e-30]], jnp.float32))
    actions = np.asarray(sample_actions(jax.random.key(0), logp, count))
    shares = np.stack([(actions == a).mean(axis=1) for a in range(3)], axis=1)
    # Four standard errors of a share are at most 0.0064.
    np.testing.assert_allclose(shares[0], [0.2, 0.3, 0.5], atol=0.0064)
    np.testing.assert_array_equal(shares[1], [0, 1, 0])


@pytest.mark.parametrize("contexts", ["all", 2])
def test_sampled_actions_pay_each_sample_its_advantage(contexts):
    from tpo_runs._learn import SampledActions, expected

    rollout = SampledActions(task(), contexts, 5, expected)
    batch, _ = rollout.draw(table_of(PROBS), None, jax.random.key(1))
    rows, actions = (np.asarray(value) for value in batch.inputs)
    assert actions.shape == (2, 5)
    rewards = (actions == np.array([0, 2])[rows][:, None]).astype(float)
    np.testing.assert_allclose(batch.rewards[..., 0], rewards)
    np.testing.assert_allclose(
        batch.scores[..., 0], rewards - (PROBS[rows] ** 2).sum(axis=1, keepdims=True), rtol=1e-5
    )
    chosen = np.take_along_axis(np.log(PROBS)[rows], actions, axis=1)
    np.testing.assert_allclose(batch.old_logp[..., 0], chosen, rtol=1e-5)
    np.testing.assert_allclose(rollout.log_probs(table_of(PROBS), batch), batch.old_logp, rtol=1e-6)


def test_an_impossible_action_leaves_the_others_finite():
    from tpo_runs._learn import SampledActions, expected

    impossible = np.array([[0.0, 0.4, 0.6], [0.5, 0.0, 0.5]])
    rollout = SampledActions(task(), "all", 8, expected)
    batch, _ = rollout.draw(table_of(impossible), None, jax.random.key(1))
    assert np.isfinite(batch.old_logp).all()
    loss = lambda table: jnp.sum(rollout.log_probs(table, batch))  # noqa: E731
    assert np.isfinite(eqx.filter_grad(loss)(table_of(impossible)).logits).all()


def test_all_actions_score_the_mean_of_the_sampled_advantages():
    from tpo_runs._learn import AllActions, bandit_baseline

    rollout = AllActions(task(), "all", 7, bandit_baseline(0.5))
    batch, _ = rollout.draw(table_of(PROBS), None, jax.random.key(2))
    actions = np.asarray(batch.inputs[1])
    scores = np.zeros((2, 3))
    for i, right in enumerate([0, 2]):
        for action in actions[i]:
            scores[i, action] += ((action == right) - 0.5) / 7
    np.testing.assert_allclose(batch.scores, scores, atol=1e-6)
    np.testing.assert_allclose(batch.old_logp, np.log(PROBS), rtol=1e-5)
    np.testing.assert_array_equal(batch.rewards, [[1, 0, 0], [0, 0, 1]])


def test_an_action_group_holds_the_sampled_actions_with_their_rewards():
    from tpo_runs._learn import ActionGroup

    rollout = ActionGroup(task(), "all", 7)
    batch, _ = rollout.draw(table_of(PROBS), None, jax.random.key(2))
    actions = np.asarray(batch.inputs[1])
    assert actions.shape == (2, 7)
    rewards = (actions == np.array([[0], [2]])).astype(float)
    np.testing.assert_array_equal(batch.scores, rewards)
    np.testing.assert_array_equal(batch.rewards, rewards)
    np.testing.assert_allclose(batch.old_logp, np.take_along_axis(np.log(PROBS), actions, 1), rtol=1e-5)
    np.testing.assert_allclose(rollout.log_probs(table_of(PROBS), batch), batch.old_logp, rtol=1e-6)


def test_tpo_on_an_action_group_has_the_gradient_of_its_softmax_minus_the_target():
    from tpo_objectives import tpo, tpo_target
    from tpo_runs._learn import ActionGroup

    rollout = ActionGroup(task(), "all", 6)
    table = table_of(PROBS)
    batch, _ = rollout.draw(table, None, jax.random.key(4))
    loss = lambda table: jnp.sum(tpo(rollout.log_probs(table, batch), batch.old_logp, batch.scores))  # noqa: E731
    gradient = eqx.filter_grad(loss)(table).logits
    group = np.asarray(jax.nn.softmax(batch.old_logp) - tpo_target(batch.old_logp, batch.scores))
    wanted = np.zeros((2, 3))
    for i, actions in enumerate(np.asarray(batch.inputs[1])):
        np.add.at(wanted[i], actions, group[i])
    # The entries of a row of p - q sum to 0, so the softmax of the table adds nothing.
    np.testing.assert_allclose(gradient, wanted, atol=1e-6)


def all_rollouts():
    from tpo_runs._learn import (
        ActionGroup,
        AllActions,
        ExactGroup,
        ExactSamples,
        SampledActions,
        bandit_baseline,
    )

    none = bandit_baseline("none")

    return [
        SampledActions(task(), "all", 3, none),
        AllActions(task(), "all", 3, none),
        ExactGroup(task(), "all"),
        ExactSamples(task(), "all", none),
        ActionGroup(task(), "all", 3),
    ]


@pytest.mark.parametrize("index", range(5))
def test_the_error_is_the_exact_one_of_the_policy_before_the_step(index):
    from tpo_objectives import reinforce, tpo
    from tpo_runs import Trainer
    from tpo_runs._learn import error_after, misalignment

    rollout = all_rollouts()[index]
    trainer = Trainer(
        rollout=rollout,
        objective=tpo if index in (1, 2, 4) else reinforce,
        optimizer=optax.sgd(0.5),
        epochs=1,
        probes={"error_after": error_after, "misalignment": misalignment},
    )
    before = table_of(PROBS)
    key = jax.random.key(3)
    state, metrics = eqx.filter_jit(trainer.episode)(trainer.start(before, key), key, jnp.int32(0))
    assert float(metrics["error"]) == pytest.approx(1 - (0.2 + 0.2) / 2, abs=1e-6)
    after = np.exp(np.asarray(state.policy.log_policy(jnp.arange(2))))
    assert float(metrics["error_after"]) == pytest.approx(1 - (after[0, 0] + after[1, 2]) / 2, abs=1e-6)
    assert float(metrics["error_after"]) != float(metrics["error"])
    step = np.asarray(state.policy.logits - before.logits).ravel()
    wanted = (np.eye(3)[[0, 2]] - PROBS).ravel()
    cosine = step @ wanted / np.linalg.norm(step) / np.linalg.norm(wanted)
    assert float(metrics["misalignment"]) == pytest.approx(1 - cosine, abs=1e-5)


def test_without_any_update_misalignment_is_one():
    from tpo_objectives import reinforce
    from tpo_runs import Trainer
    from tpo_runs._learn import SampledActions, batch_zscore, misalignment, unit_norm

    # All samples fail, so all rewards are equal and their z-scores 0.
    probs = np.array([[1e-6, 0.5, 0.5], [0.5, 0.5, 1e-6]])
    trainer = Trainer(
        rollout=SampledActions(task(), "all", 4, batch_zscore),
        objective=reinforce,
        optimizer=unit_norm(learning_rate=0.1),
        epochs=1,
        probes={"misalignment": misalignment},
    )
    before = table_of(probs)
    key = jax.random.key(0)
    state, metrics = eqx.filter_jit(trainer.episode)(trainer.start(before, key), key, jnp.int32(0))
    assert float(metrics["misalignment"]) == 1
    np.testing.assert_array_equal(state.policy.logits, before.logits)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, 1e20, 8e37])
def test_unit_norm_steps_have_the_learning_rate_as_their_length(scale):
    from tpo_runs._learn import unit_norm

    gradient = {"a": scale * jnp.array([3.0, 0.0]), "b": scale * jnp.array([[4.0]])}
    optimizer = unit_norm(learning_rate=0.1)
    updates, _ = optimizer.update(gradient, optimizer.init(gradient), gradient)
    np.testing.assert_allclose(updates["a"], [-0.06, 0], rtol=1e-5)
    np.testing.assert_allclose(updates["b"], [[-0.08]], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", [[1, 0], [0, 0]]),
        ("batch_mean", [[0.75, -0.25], [-0.25, -0.25]]),
        ("expected", [[1 - 0.38, -0.38], [-0.54, -0.54]]),
        ("batch_zscore", np.array([[0.75, -0.25], [-0.25, -0.25]]) / np.sqrt(0.1875)),
        (0.5, [[0.5, -0.5], [-0.5, -0.5]]),
    ],
)
def test_baselines(name, expected):
    from tpo_runs._learn import bandit_baseline

    rewards = jnp.array([[1.0, 0.0], [0.0, 0.0]])
    found = bandit_baseline(name)(rewards, jnp.asarray(PROBS, jnp.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_expected_zscore_standardizes_under_the_policy():
    from tpo_runs._learn import bandit_baseline

    rewards = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    found = np.asarray(bandit_baseline("expected_zscore")(rewards, jnp.asarray(PROBS, jnp.float32)))
    np.testing.assert_allclose((PROBS * found).sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose((PROBS * found**2).sum(axis=1), 1, rtol=1e-5)


# --- measures on held-out images ---


def images_of(labels):
    from tpo_envs import ClassificationBandit

    return ClassificationBandit(np.zeros((len(labels), 2), np.uint8), np.asarray(labels), 10)


class Fixed(eqx.Module):
    """A policy whose log-probs do not depend on the images."""

    logits: jax.Array

    def log_policy(self, inputs):
        assert len(inputs) == len(self.logits)
        return jax.nn.log_softmax(self.logits)


def test_greedy_error_is_the_share_of_wrong_classes():
    from tpo_runs._learn import GreedyError

    labels = [3, 1, 4, 1]
    policy = Fixed(jax.nn.one_hot(jnp.array([3, 1, 5, 9]), 10))
    assert float(GreedyError(images_of(labels))(policy, jax.random.key(0))["test_error"]) == 0.5


def test_surplus_averages_over_misclassified_images_bin_by_bin():
    from tpo_objectives import tpo
    from tpo_runs._learn import AllActions, Surplus, expected

    rng, count = np.random.default_rng(0), 700
    labels = rng.integers(0, 10, size=count)
    policy = Fixed(jnp.asarray(rng.normal(size=(count, 10)) * rng.uniform(0.3, 5, (count, 1)), jnp.float32))
    measure = Surplus(images_of(labels), AllActions(images_of(labels), 1, 1, expected), tpo, EDGES)
    found = eqx.filter_jit(measure)(policy, jax.random.key(0))

    logp = policy.log_policy(np.zeros((count, 2)))
    each = np.asarray(measure.of(logp, jax.nn.one_hot(labels, 10)))
    pi = np.exp(np.asarray(logp, dtype=np.float64))
    wrong = np.where(np.eye(10)[labels] > 0, 0, pi)
    concentration = wrong.max(axis=1) / wrong.sum(axis=1)
    missed = pi.argmax(axis=1) != labels
    filled = 0
    for i, (low, high) in enumerate(itertools.pairwise(EDGES)):
        here = missed & (low <= concentration) & (concentration < high)
        filled += here.any()
        mean = each[here].mean() if here.any() else np.nan
        np.testing.assert_allclose(found[f"surplus_bin_{i}"], mean, rtol=1e-3, atol=1e-6)
    assert filled >= 3
    # 256 images are measured at once: a bin is filled by several blocks, and the last one is not full.
    assert missed.sum() > 2 * 256
    assert missed.sum() % 256 != 0


def test_a_bin_without_images_has_no_surplus():
    from tpo_objectives import tpo
    from tpo_runs._learn import AllActions, Surplus, expected

    task = images_of([0, 1])
    right = Fixed(5 * jax.nn.one_hot(jnp.array([0, 1]), 10))
    found = Surplus(task, AllActions(task, 1, 1, expected), tpo, EDGES)(right, jax.random.key(0))
    assert all(np.isnan(value) for value in found.values())
