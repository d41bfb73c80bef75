"""What every objective has in common: shapes, symmetries, and finite numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest


@pytest.mark.parametrize("leading", [(), (1,), (5,), (2, 5)], ids=str)
def test_one_loss_per_group_or_per_sample(case, batch, leading):
    losses = jax.eval_shape(case, *batch(0, jnp.float32, leading))
    assert losses.shape == (leading if case.level == "group" else (*leading, 6))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.usefixtures("x64")
def test_results_have_the_dtype_of_the_inputs(case, batch, dtype):
    arrays = batch(0, dtype)
    assert jax.eval_shape(case, *arrays).dtype == dtype
    assert jax.eval_shape(case.gradient, *arrays).dtype == dtype


@pytest.mark.usefixtures("x64")
def test_order_of_the_candidates_does_not_matter(case, batch):
    order = np.array([3, 0, 5, 1, 4, 2])
    arrays = batch()
    permuted = [array[..., order] for array in arrays]
    losses, gradient = np.asarray(case(*arrays)), np.asarray(case.gradient(*arrays))
    expected = losses if case.level == "group" else losses[..., order]
    np.testing.assert_allclose(case(*permuted), expected, rtol=1e-12)
    np.testing.assert_allclose(case.gradient(*permuted), gradient[..., order], atol=1e-12)


@pytest.mark.parametrize("shift", [100.0, -3.0])
@pytest.mark.usefixtures("x64")
def test_origin_of_the_scores_does_not_matter(group_case, batch, shift):
    logp, old_logp, scores = batch()
    for function in (group_case, group_case.gradient):
        expected = function(logp, old_logp, scores)
        np.testing.assert_allclose(function(logp, old_logp, scores + shift), expected, atol=1e-10)


@pytest.mark.parametrize(("scale", "shift"), [(7.0, 0.0), (0.01, 5.0)])
@pytest.mark.usefixtures("x64")
def test_unit_of_the_scores_does_not_matter(unit_free_case, batch, scale, shift):
    logp, old_logp, scores = batch()
    # GRPO's std + 1e-8 is not quite in the unit of the scores.
    tolerance = 1e-5 if unit_free_case.name == "grpo" else 1e-10
    for function in (unit_free_case, unit_free_case.gradient):
        expected = function(logp, old_logp, scores)
        np.testing.assert_allclose(function(logp, old_logp, scale * scores + shift), expected, atol=tolerance)


@pytest.mark.usefixtures("x64")
def test_unit_of_the_scores_matters_where_it_is_said_to(group_case, batch):
    logp, old_logp, scores = batch()
    same = np.allclose(
        group_case(logp, old_logp, 7.0 * scores), group_case(logp, old_logp, scores), rtol=1e-6
    )
    assert same == group_case.unit_free


@pytest.mark.usefixtures("x64")
def test_level_of_a_groups_log_probs_does_not_matter(level_free_case, batch):
    logp, old_logp, scores = batch()
    expected = level_free_case(logp, old_logp, scores)
    np.testing.assert_allclose(
        level_free_case(logp - 50.0, old_logp + 20.0, scores), expected, rtol=1e-12, atol=1e-12
    )


@pytest.mark.usefixtures("x64")
def test_vmap_over_groups_is_the_batch(case, batch):
    arrays = batch()
    mapped = jax.vmap(case)(*arrays)
    np.testing.assert_allclose(mapped, case(*arrays), rtol=1e-12, atol=1e-12)


def extreme_log_probs():
    rng = np.random.default_rng(0)
    ordinary = rng.uniform(-5, 0, size=(5, 6))
    wide = rng.uniform(-1e4, 0, size=(5, 6))
    corners = np.tile([-1e4, 0.0, -1e4, 0.0, -1e4, 0.0], (5, 1))
    return {
        "wide": (wide, wide[::-1].copy()),
        "corners": (corners, -1e4 - corners),
        "ratios of exp(200)": (ordinary, ordinary - 200.0),
        "ratios of exp(-200)": (ordinary - 200.0, ordinary),
        "equal and tiny": (np.full((5, 6), -1e4), np.full((5, 6), -1e4)),
    }


@pytest.mark.parametrize(("logp", "old_logp"), extreme_log_probs().values(), ids=extreme_log_probs())
def test_finite_at_extreme_log_probs(case, logp, old_logp):
    scores = np.zeros((5, 6))
    scores[1], scores[2, 0], scores[3] = 0.7, 1.0, [1e4, -1e4, 0, 0, 1e-3, 5]
    scores[4] = [1e8, 0, 0, 1, 1, 0]
    arrays = [jnp.asarray(array, jnp.float32) for array in (logp, old_logp, scores)]
    assert np.isfinite(case(*arrays)).all()
    assert np.isfinite(case.gradient(*arrays)).all()


def test_a_group_of_one_teaches_nothing(resting_case):
    logp, scores = jnp.array([[-1.0], [-200.0]]), jnp.array([[1.0], [0.7]])
    np.testing.assert_array_equal(jax.jit(resting_case.gradient)(logp, logp, scores), np.zeros((2, 1)))
