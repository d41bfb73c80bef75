"""Rollouts of token tasks: what is sampled, how it is scored, and how losses over it are reduced."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_envs import TokenTask
from tpo_models import CausalTransformer
from tpo_runs import Batch, SequenceGroup, Single, TokenGroup
from tpo_runs._learn import BASELINES, reduce

HORIZON, VOCAB = 3, 2
log_probs = eqx.filter_jit(CausalTransformer.log_probs)


@pytest.fixture(scope="module")
def policy():
    make = eqx.filter_jit(CausalTransformer)
    return make(vocab_size=VOCAB, horizon=HORIZON, width=8, layers=1, heads=2, key=jax.random.key(0))


def task(reward):
    return TokenTask("reverse_copy", reward, HORIZON, VOCAB)


@eqx.filter_jit
def draw_and_rescore(rollout, policy, key):
    batch, _ = rollout.draw(policy, None, key)
    return batch, rollout.log_probs(policy, batch)


@pytest.mark.parametrize("reward", ["sequential", "terminal"])
def test_single_pays_each_token_its_reward_minus_the_batch_mean_at_its_position(policy, reward):
    batch, logp = draw_and_rescore(
        Single(task(reward), 50, BASELINES["batch_mean"]), policy, jax.random.key(1)
    )
    prompts, answers = batch.inputs
    rewards = np.asarray(task(reward).token_rewards(prompts, answers[:, 0]))
    np.testing.assert_array_equal(batch.rewards, rewards)
    np.testing.assert_allclose(batch.scores, rewards - rewards.mean(axis=0), atol=1e-6)
    assert batch.error == pytest.approx(1 - rewards.mean(), abs=1e-6)
    np.testing.assert_allclose(logp, batch.old_logp, atol=1e-5)
    assert len(np.unique(batch.rewards, axis=0)) > 1


def test_single_without_a_baseline_keeps_the_rewards(policy):
    batch, _ = draw_and_rescore(Single(task("sequential"), 50, BASELINES["none"]), policy, jax.random.key(1))
    np.testing.assert_array_equal(batch.scores, batch.rewards)


@pytest.mark.parametrize("reward", ["sequential", "terminal"])
def test_sequence_group_scores_whole_answers_and_sums_their_log_probs(policy, reward):
    rollout = SequenceGroup(task(reward), 20, 4)
    batch, logp = draw_and_rescore(rollout, policy, jax.random.key(1))
    prompts, answers = batch.inputs
    assert answers.shape == (20, 4, HORIZON)
    expected = task(reward).token_rewards(prompts[:, None], answers).mean(-1)
    np.testing.assert_allclose(batch.scores, expected, atol=1e-6)
    assert batch.error == pytest.approx(1 - float(expected.mean()), abs=1e-6)
    np.testing.assert_allclose(logp, log_probs(policy, prompts, answers).sum(-1), atol=1e-5)
    np.testing.assert_allclose(logp, batch.old_logp, atol=1e-5)
    # independent samples, duplicates kept: eight possible answers cannot all differ in every group
    assert any(len(np.unique(group, axis=0)) < 4 for group in np.asarray(answers))


@pytest.mark.parametrize("reward", ["bag_of_tokens", "sequential"])
def test_token_group_equals_every_prefix_run_by_itself(policy, reward):
    count, size = 20, 4
    batch, logp = draw_and_rescore(TokenGroup(task(reward), count, size), policy, jax.random.key(1))
    prompts, (answers, candidates) = batch.inputs[0], map(np.asarray, batch.inputs[1:])
    assert candidates.shape == (count, HORIZON, size)
    for t in range(HORIZON):
        # The answers with a candidate in place of token t: what comes after it can play no part.
        changed = np.repeat(answers[:, None], size, axis=1)
        changed[:, :, t] = candidates[:, t]
        changed[:, :, t + 1 :] = 0
        alone = log_probs(policy, prompts, jnp.asarray(changed))[:, :, t]
        np.testing.assert_allclose(batch.old_logp[:, t], alone, atol=1e-5)
        np.testing.assert_allclose(logp[:, t], alone, atol=1e-5)
        paid = task(reward).token_rewards(prompts[:, None], jnp.asarray(changed))[:, :, t]
        np.testing.assert_array_equal(batch.scores[:, t], paid)
    np.testing.assert_array_equal(candidates[:, :, 0], answers)
    expected = np.asarray(task(reward).token_rewards(prompts, jnp.asarray(answers)))
    assert batch.error == pytest.approx(1 - expected.mean(), abs=1e-6)


def test_candidates_of_a_token_group_are_drawn_from_the_policy_at_their_prefix(policy):
    count, size = 400, 65
    batch, _ = draw_and_rescore(TokenGroup(task("sequential"), count, size), policy, jax.random.key(2))
    prompts, answers, candidates = batch.inputs
    log_softmax = eqx.filter_jit(CausalTransformer.answer_log_softmax)
    probs = np.exp(log_softmax(policy, prompts, answers[:, None])[:, 0])
    drawn = np.eye(VOCAB)[np.asarray(candidates)[..., 1:]].mean(axis=2)
    # 64 draws a prefix, 1,200 prefixes: the mean of all differences has a standard error below 0.002.
    assert abs((drawn - probs)[..., 1].mean()) < 0.008
    spread = (drawn - probs)[..., 1] / np.sqrt(probs[..., 0] * probs[..., 1] / (size - 1))
    assert 0.9 < spread.std() < 1.1


class NeverZero:
    """Every token but 0 is equally likely."""

    def sample(self, key, prompts, candidates):
        answers = jnp.ones((len(prompts), candidates, HORIZON), jnp.int32)
        return answers, jnp.zeros(answers.shape)

    def log_probs(self, prompts, answers):
        return jnp.where(answers == 0, -jnp.inf, 0.0)

    def answer_log_softmax(self, prompts, answers):
        return jnp.broadcast_to(jnp.log(jnp.array([0.0, 1.0])), (*answers.shape, VOCAB))


def test_an_impossible_token_leaves_the_others_of_its_group_finite():
    batch, logp = draw_and_rescore(TokenGroup(task("sequential"), 5, 3), NeverZero(), jax.random.key(1))
    np.testing.assert_array_equal(batch.old_logp, np.zeros((5, HORIZON, 3)))
    np.testing.assert_array_equal(logp, np.zeros((5, HORIZON, 3)))


def test_token_group_refuses_a_reward_for_whole_answers(policy):
    with pytest.raises(ValueError, match="a terminal reward scores complete answers"):
        draw_and_rescore(TokenGroup(task("terminal"), 2, 2), policy, jax.random.key(1))


def test_a_draw_is_a_function_of_the_key(policy):
    rollout = SequenceGroup(task("terminal"), 20, 4)
    first, again, other = (draw_and_rescore(rollout, policy, jax.random.key(seed))[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.inputs[1], again.inputs[1])
    assert (first.inputs[1] != other.inputs[1]).any()


def empty_draw(*shape):
    zeros = jnp.zeros(shape)
    return Batch(None, zeros, zeros, zeros, jnp.float32(0))


def test_losses_are_summed_over_the_last_axis_of_the_draw_and_averaged_over_the_rest():
    losses = jnp.arange(24.0).reshape(2, 3, 4)
    assert reduce(losses, empty_draw(2, 3, 4)) == pytest.approx(np.arange(24).reshape(6, 4).sum(-1).mean())
    # a group objective has summed over its group already
    assert reduce(losses, empty_draw(2, 3, 4, 8)) == pytest.approx(np.arange(24).mean())


def test_losses_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"returned losses of shape \(\).*expected \(2,\).*or \(2, 3\)"):
        reduce(jnp.float32(0), empty_draw(2, 3))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, r"returned a NoneType, not a JAX array; expected \(2,\), one loss per group"),
        ((jnp.zeros(2), {}), r"returned a tuple, not a JAX array; expected \(2,\)"),
        (jnp.zeros(2, int), r"returned int\d\d, which has no gradient; expected floats"),
    ],
)
def test_what_is_no_array_of_floats_is_refused(returned, message):
    with pytest.raises(TypeError, match=message):
        reduce(returned, empty_draw(2, 3))
