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
    losses, gradient = jax.eval_shape(case.run, *batch(0, dtype))
    assert losses.dtype == gradient.dtype == dtype


@pytest.mark.usefixtures("x64")
def test_order_of_the_candidates_does_not_matter(case, batch):
    order = np.array([3, 0, 5, 1, 4, 2])
    arrays = batch()
    permuted = [array[..., order] for array in arrays]
    losses, gradient = map(np.asarray, case.run(*arrays))
    permuted_losses, permuted_gradient = case.run(*permuted)
    expected = losses if case.level == "group" else losses[..., order]
    np.testing.assert_allclose(permuted_losses, expected, rtol=1e-12)
    np.testing.assert_allclose(permuted_gradient, gradient[..., order], atol=1e-12)


@pytest.mark.parametrize("shift", [100.0, -3.0])
@pytest.mark.usefixtures("x64")
def test_origin_of_the_scores_does_not_matter(group_case, batch, shift):
    logp, old_logp, scores = batch()
    shifted = group_case.run(logp, old_logp, scores + shift)
    for got, expected in zip(shifted, group_case.run(logp, old_logp, scores), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-10)


@pytest.mark.parametrize(("scale", "shift"), [(7.0, 0.0), (0.01, 5.0)])
@pytest.mark.usefixtures("x64")
def test_unit_of_the_scores_does_not_matter(unit_free_case, batch, scale, shift):
    logp, old_logp, scores = batch()
    # GRPO's std + 1e-8 is not quite in the unit of the scores.
    tolerance = 1e-5 if unit_free_case.name == "grpo" else 1e-10
    changed = unit_free_case.run(logp, old_logp, scale * scores + shift)
    for got, expected in zip(changed, unit_free_case.run(logp, old_logp, scores), strict=True):
        np.testing.assert_allclose(got, expected, atol=tolerance)


@pytest.mark.usefixtures("x64")
def test_unit_of_the_scores_matters_where_it_is_said_to(group_case, batch):
    logp, old_logp, scores = batch()
    larger, losses = (group_case.run(logp, old_logp, unit * scores)[0] for unit in (7.0, 1.0))
    assert np.allclose(larger, losses, rtol=1e-6) == group_case.unit_free


@pytest.mark.usefixtures("x64")
def test_level_of_a_groups_log_probs_does_not_matter(level_free_case, batch):
    logp, old_logp, scores = batch()
    expected = level_free_case.run(logp, old_logp, scores)[0]
    moved = level_free_case.run(logp - 50.0, old_logp + 20.0, scores)[0]
    np.testing.assert_allclose(moved, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_vmap_over_groups_is_the_batch(case, batch):
    arrays = batch()
    mapped = jax.vmap(case)(*arrays)
    np.testing.assert_allclose(mapped, case.run(*arrays)[0], rtol=1e-12, atol=1e-12)


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
    assert all(np.isfinite(result).all() for result in case.run(*arrays))


def test_a_group_of_one_teaches_nothing(resting_case):
    logp, scores = jnp.array([[-1.0], [-200.0]]), jnp.array([[1.0], [0.7]])
    np.testing.assert_array_equal(resting_case.gradient(logp, logp, scores), np.zeros((2, 1)))
