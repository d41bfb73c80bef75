"""Scores that are NaN or infinite, and log-probs of minus infinity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

INF = np.inf
LOGP = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))


def loss_and_gradient(case, logp, old_logp, scores):
    arrays = [jnp.asarray(array, jnp.float32) for array in (logp, old_logp, scores)]
    return case.run(*arrays)


def test_a_score_that_is_not_finite_makes_its_group_nan_and_no_other(group_case):
    scores = [[np.nan, 1, 0, 0], [INF, 1, 0, 0], [-INF, 1, 0, 0], [INF, -INF, 0, 0], [INF] * 4, [1, 0, 0, 0]]
    logp = np.tile(LOGP, (6, 1))
    losses, gradient = loss_and_gradient(group_case, logp, logp, scores)
    np.testing.assert_array_equal(np.isnan(losses), [True] * 5 + [False])
    np.testing.assert_array_equal(np.isnan(gradient), [[True] * 4] * 5 + [[False] * 4])


@pytest.mark.parametrize("name", ["ppo", "dg", "reinforce"])
def test_an_advantage_that_is_nan_makes_its_sample_nan_and_no_other(name):
    import tpo_objectives

    advantages = jnp.array([np.nan, 1.0, -1.0, 0.0])
    losses = getattr(tpo_objectives, name)(LOGP, LOGP, advantages)
    np.testing.assert_array_equal(np.isnan(losses), [True, False, False, False])


def test_standardized_scores_and_the_target_are_nan_where_a_score_is():
    from tpo_objectives import standardize, tpo_target

    scores = jnp.array([[np.nan, 1.0], [INF, 1.0], [1.0, 0.0]])
    for result in (standardize(scores), tpo_target(jnp.zeros((3, 2)), scores)):
        np.testing.assert_array_equal(np.isnan(result), [[True] * 2, [True] * 2, [False] * 2])


def test_the_mask_keeps_a_group_whose_scores_are_nan():
    from tpo_objectives import group_pg, informative_only

    logp, scores = jnp.zeros((3, 2)), jnp.array([[np.nan, 1.0], [0.7, 0.7], [1.0, 0.0]])
    np.testing.assert_array_equal(
        np.isnan(informative_only(group_pg)(logp, logp, scores)), [True, False, False]
    )


# What is impossible now and was impossible before has no part in a group, however it is scored.
IMPOSSIBLE = jnp.array([-INF, *np.log([0.2, 0.3, 0.5])])


@pytest.mark.parametrize("name", ["tpo", "cross_entropy"])
def test_a_group_with_an_impossible_action_is_the_group_without_it(name):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)
    options = {} if name == "cross_entropy" else {"eta": 1.0}
    scores = jnp.array([0.0, 0.0, 1.0, -1.0])  # the impossible one has the mean score
    loss, gradient = jax.value_and_grad(objective)(IMPOSSIBLE, IMPOSSIBLE, scores, **options)
    assert np.isfinite(loss)
    assert gradient[0] == 0
    if name == "cross_entropy":
        np.testing.assert_allclose(loss, -np.log(0.3), rtol=1e-5)
    u = np.array([0.0, 1.0, -1.0]) * np.sqrt(2)
    q = np.exp(IMPOSSIBLE[1:] + u) / np.exp(IMPOSSIBLE[1:] + u).sum()
    expected = np.exp(IMPOSSIBLE[1:]) - (q if name == "tpo" else [0.0, 1.0, 0.0])
    np.testing.assert_allclose(gradient[1:], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["lpo", "dmpo", "gvpo", "rebel", "mdpo"])
def test_what_stays_impossible_has_not_changed(name):
    import tpo_objectives

    objective = jax.jit(jax.value_and_grad(getattr(tpo_objectives, name)))
    scores = jnp.array([1.0, 0.0, 0.5, -1.0])
    loss, gradient = objective(IMPOSSIBLE, IMPOSSIBLE, scores)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    if name != "dmpo":  # whose softmax is of the log-probs themselves
        possible = objective(LOGP, LOGP, scores)
        np.testing.assert_allclose(loss, possible[0], rtol=1e-6)
        np.testing.assert_allclose(gradient, possible[1].at[0].set(0.0), rtol=1e-6)


@pytest.mark.parametrize("name", ["tpo", "cross_entropy", "lpo", "awr", "mpo", "v_mpo"])
def test_an_impossible_action_that_is_wanted_costs_infinity_and_still_has_a_gradient(name):
    import tpo_objectives

    possible = LOGP
    scores = jnp.array([1.0, 0.0, 0.0, 0.0])
    loss, gradient = jax.value_and_grad(getattr(tpo_objectives, name))(IMPOSSIBLE, possible, scores)
    assert loss == INF
    assert np.isfinite(gradient).all()
    assert gradient[0] < 0


@pytest.mark.parametrize("name", ["group_pg", "reinforce", "dg"])
def test_an_impossible_action_without_weight_has_no_loss_and_no_gradient(name):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)
    scores = jnp.array([0.0, 0.0, 1.0, -1.0])
    losses, gradient = (
        objective(IMPOSSIBLE, IMPOSSIBLE, scores),
        jax.grad(lambda x: objective(x, x, scores).sum())(IMPOSSIBLE),
    )
    without = objective(IMPOSSIBLE[1:], IMPOSSIBLE[1:], scores[1:]).sum()
    assert gradient[0] == 0
    if name != "group_pg":  # its scores are standardized over one candidate less
        np.testing.assert_allclose(np.sum(losses), without, rtol=1e-5)
    assert np.isfinite(losses).all()
    assert np.isfinite(gradient).all()


def test_dg_forgets_a_failure_that_is_impossible():
    from tpo_objectives import dg

    logp, advantages = jnp.array([-INF, -INF]), jnp.array([-1.0, 1.0])
    losses, gradient = dg(logp, logp, advantages), jax.grad(lambda x: dg(x, x, advantages).sum())(logp)
    np.testing.assert_array_equal(losses, [0.0, INF])
    np.testing.assert_array_equal(gradient, [0.0, -1.0])


@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_what_stays_impossible_has_the_ratio_1_and_no_gradient(name):
    import tpo_objectives

    objective, scores = getattr(tpo_objectives, name), jnp.array([1.0, -1.0, 1.0, -1.0])
    logp = jnp.array([-INF, -INF, 0.0, 0.0])
    losses, gradient = (
        objective(logp, logp, scores),
        jax.grad(lambda x: objective(x, logp, scores).sum())(logp),
    )
    np.testing.assert_allclose(losses, -scores if name == "ppo" else 0.0, atol=1e-6)
    np.testing.assert_allclose(gradient, [0.0, 0.0, -1.0, 1.0], atol=1e-6)


@pytest.mark.parametrize(("now", "before", "log_ratio"), [(-INF, 0.0, -20.0), (0.0, -INF, 20.0)])
@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_an_action_that_becomes_impossible_or_possible_is_at_the_bound_of_the_ratio(
    name, now, before, log_ratio
):
    import tpo_objectives

    objective, scores = getattr(tpo_objectives, name), jnp.array([1.0, -1.0])
    logp, old_logp = jnp.full(2, now), jnp.full(2, before)
    gradient = jax.grad(lambda x: objective(x, old_logp, scores).sum())(logp)
    at_bound = objective(jnp.full(2, log_ratio), jnp.zeros(2), scores)
    np.testing.assert_allclose(objective(logp, old_logp, scores), at_bound, rtol=1e-6)
    np.testing.assert_array_equal(gradient, np.zeros(2))


def test_a_group_in_which_nothing_is_possible_is_nan():
    from tpo_objectives import cross_entropy, tpo

    nothing, scores = jnp.full(3, -INF), jnp.array([1.0, 0.0, 0.0])
    assert np.isnan(tpo(nothing, nothing, scores))
    assert np.isnan(cross_entropy(nothing, nothing, scores))
