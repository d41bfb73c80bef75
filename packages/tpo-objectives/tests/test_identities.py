"""Objectives that are equal where theory says so, and the estimators of the KL divergence by enumeration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("x64")


def gradient(name, logp, old_logp, scores, **options):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)
    return np.asarray(jax.jit(jax.grad(lambda x: objective(x, old_logp, scores, **options).sum()))(logp))


def test_with_equal_lengths_and_standardized_scores_dapo_is_dr_grpo(answers):
    from tpo_objectives import standardize

    logp, old_logp, scores, _ = answers()
    scores = standardize(scores)
    of_dapo = gradient("dapo", logp, old_logp, scores, low=0.2, high=0.2)
    np.testing.assert_allclose(of_dapo, gradient("dr_grpo", logp, old_logp, scores) / 5, rtol=1e-12)


def test_answers_of_one_token_have_one_ratio(answers):
    logp, old_logp, scores, _ = answers()
    one = (logp[..., :1], old_logp[..., :1], scores)
    of_gspo = gradient("gspo", *one, low=0.2, high=0.2)
    assert (of_gspo == 0).any()
    np.testing.assert_allclose(of_gspo, gradient("token_grpo", *one, kl_coef=0.0), rtol=1e-12)
    # The clips of `gmpo` are in nats.
    width = {"low": -np.log(0.8), "high": np.log(1.2)}
    np.testing.assert_allclose(gradient("gmpo", *one, **width), of_gspo, rtol=1e-12)


def test_on_policy_leaving_one_out_is_a_larger_step_of_dr_grpo(answers):
    logp, _, scores, _ = answers()
    of_dr_grpo = gradient("dr_grpo", logp, logp, scores)
    np.testing.assert_allclose(gradient("rloo", logp, logp, scores), 4 / 3 * of_dr_grpo, rtol=1e-12)


@pytest.mark.parametrize(
    "family", [["dapo", "cispo", "dppo"], ["token_grpo", "sapo", "gspo", "gmpo"]], ids=" ".join
)
def test_on_policy_the_surrogates_are_one(answers, family):
    logp, _, scores, where = answers()
    first, *others = (gradient(name, logp, logp, scores, where=where) for name in family)
    assert np.abs(first).max() > 0.1
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-12, atol=1e-15)


def test_a_single_group_is_its_own_batch(answers):
    logp, old_logp, scores, where = (array[:1] for array in answers())
    of_grpo = gradient("token_grpo", logp, old_logp, scores, kl_coef=0.0, where=where)
    for name, options in (("reinforce_pp", {}), ("reinforce_pp", {"group_baseline": True})):
        np.testing.assert_allclose(
            gradient(name, logp, old_logp, scores, where=where, **options), of_grpo, rtol=1e-12, atol=1e-15
        )
    one_reward = gradient("gdpo", logp, old_logp, scores[..., None], where=where)
    np.testing.assert_allclose(one_reward, of_grpo, rtol=1e-12, atol=1e-15)


def test_the_greedy_answers_score_is_that_of_its_prompt(answers):
    logp, _, scores, _ = answers()
    baseline = scores[:, 0] + 1.0
    expected = np.broadcast_to(-(scores - baseline[:, None])[..., None], logp.shape)
    np.testing.assert_allclose(gradient("remax", logp, logp, scores, baseline=baseline), expected, rtol=1e-12)


LOGITS, REFERENCE = np.array([0.3, -1.0, 0.8, 0.0]), np.array([-0.2, 0.4, 0.5, -1.1])


def divergence(left, right):
    left, right = jax.nn.log_softmax(left), jax.nn.log_softmax(right)
    return jnp.sum(jnp.exp(left) * (left - right))


def expectation(estimator, logits, reference):
    """The mean of the estimates over all answers, sampled from the policy before the step."""
    from tpo_objectives import kl

    logp = jax.nn.log_softmax(logits)
    estimates = getattr(kl, estimator)(logp, jax.nn.log_softmax(reference))
    return jnp.sum(jax.lax.stop_gradient(jnp.exp(logp)) * estimates)


def test_each_estimator_estimates_the_reverse_kl():
    logits, reference = jnp.asarray(LOGITS), jnp.asarray(REFERENCE)
    for name in ("k1", "k3"):
        np.testing.assert_allclose(
            expectation(name, logits, reference), divergence(logits, reference), rtol=1e-12
        )
    # The bias of k2 is of third order, where the divergence is of second order.
    biases = []
    for distance in (0.1, 0.01):
        near = logits + distance * reference
        biases.append(abs(expectation("k2", near, logits) / divergence(near, logits) - 1))
    assert biases[0] < 0.1
    np.testing.assert_allclose(biases[1] / biases[0], 0.1, rtol=0.2)


def test_the_gradients_of_the_estimators_are_those_of_three_different_losses():
    logits, reference = jnp.asarray(LOGITS), jnp.asarray(REFERENCE)
    gradient = jax.grad(expectation, argnums=1)
    of = {name: gradient(name, logits, reference) for name in ("k1", "k2", "k3")}
    np.testing.assert_allclose(of["k1"], np.zeros(4), atol=1e-15)
    np.testing.assert_allclose(of["k2"], jax.grad(divergence)(logits, reference), rtol=1e-12)
    np.testing.assert_allclose(of["k3"], jax.grad(divergence, argnums=1)(reference, logits), rtol=1e-12)
