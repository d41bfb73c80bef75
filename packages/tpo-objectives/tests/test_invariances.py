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


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 100.0), (1.0, -3.0), (7.0, 0.0), (0.01, 5.0)])
@pytest.mark.usefixtures("x64")
def test_unit_and_origin_of_the_scores_do_not_matter(group_case, batch, scale, shift):
    logp, old_logp, scores = batch()
    moved = scale * scores + shift
    # GRPO's std + 1e-8 is not quite in the unit of the scores.
    tolerance = 1e-5 if group_case.name == "grpo" else 1e-10
    np.testing.assert_allclose(
        group_case(logp, old_logp, moved), group_case(logp, old_logp, scores), atol=tolerance
    )
    np.testing.assert_allclose(
        group_case.gradient(logp, old_logp, moved),
        group_case.gradient(logp, old_logp, scores),
        atol=tolerance,
    )


@pytest.mark.parametrize("name", ["tpo", "cross_entropy"])
@pytest.mark.usefixtures("x64")
def test_level_of_a_groups_log_probs_does_not_matter(batch, name):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)
    logp, old_logp, scores = batch()
    expected = objective(logp, old_logp, scores)
    np.testing.assert_allclose(objective(logp - 50.0, old_logp + 20.0, scores), expected, rtol=1e-12)


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
    arrays = [jnp.asarray(array, jnp.float32) for array in (logp, old_logp, scores)]
    assert np.isfinite(case(*arrays)).all()
    assert np.isfinite(case.gradient(*arrays)).all()


def test_a_group_of_one_teaches_nothing(resting_case):
    logp, scores = jnp.array([[-1.0], [-200.0]]), jnp.array([[1.0], [0.7]])
    np.testing.assert_array_equal(jax.jit(resting_case.gradient)(logp, logp, scores), np.zeros((2, 1)))
