"""Dtypes: what is computed in float32, what comes back, and scores of any range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

NARROW = [pytest.param(jnp.float16, marks=pytest.mark.slow), jnp.bfloat16]


@pytest.mark.parametrize("dtype", NARROW)
def test_narrow_floats_give_the_float32_result_rounded_once(case, batch, dtype):
    arrays = batch(0, dtype)
    wide = [array.astype(jnp.float32) for array in arrays]

    for got, expected in zip(case.run(*arrays), case.run(*wide), strict=True):
        assert got.dtype == dtype
        np.testing.assert_allclose(
            got.astype(jnp.float32), expected.astype(dtype).astype(jnp.float32), rtol=2e-7
        )


@pytest.mark.parametrize("dtype", NARROW)
def test_standardize_and_the_target_in_narrow_floats(batch, dtype):
    from tpo_objectives import standardize, tpo_target

    _, old_logp, scores = batch(0, dtype)
    wide = [array.astype(jnp.float32) for array in (old_logp, scores)]
    for got, expected in (
        (standardize(scores), standardize(wide[1])),
        (tpo_target(old_logp, scores), tpo_target(*wide)),
    ):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, expected.astype(dtype))


@pytest.mark.parametrize("dtype", NARROW)
def test_the_mask_counts_groups_in_float32(dtype):
    from tpo_objectives import group_pg, informative_only

    # 999 of 1001 groups are kept: bfloat16 would count 1000.
    scores = jnp.tile(jnp.array([1.0, 0.0], dtype), (1001, 1)).at[:2].set(0)
    logp = jnp.tile(jnp.array([0.0, -1.0], dtype), (1001, 1))
    losses = informative_only(group_pg)(logp, logp, scores)
    assert losses.dtype == dtype
    np.testing.assert_array_equal(losses[2:], np.full(999, jnp.asarray(-1001 / 999, dtype)))


@pytest.mark.parametrize("log_ratio", [12.0, -12.0, 1000.0])
@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_ratios_beyond_float16_are_bounded_within_it(name, log_ratio):
    import tpo_objectives

    objective, scores = getattr(tpo_objectives, name), jnp.array([1.0, -1.0], jnp.float16)
    logp, old_logp = jnp.full(2, log_ratio, jnp.float16), jnp.zeros(2, jnp.float16)
    losses, gradient = (
        objective(logp, old_logp, scores),
        jax.grad(lambda x: objective(x, old_logp, scores).sum())(logp),
    )
    bound = np.sign(log_ratio) * 10
    expected = objective(jnp.full(2, bound), jnp.zeros(2), scores.astype(jnp.float32))
    np.testing.assert_allclose(losses.astype(jnp.float32), expected, rtol=1e-3)
    np.testing.assert_array_equal(gradient, np.zeros(2))


def test_a_loss_beyond_float16_is_its_largest_number_and_keeps_its_gradient():
    from tpo_objectives import reinforce

    logp, advantages = jnp.array([-6e4, -6e4], jnp.float16), jnp.array([2.0, -2.0], jnp.float16)
    np.testing.assert_array_equal(reinforce(logp, logp, advantages), [65504, -65504])
    gradient = jax.grad(lambda x: reinforce(x, x, advantages).sum())(logp)
    np.testing.assert_array_equal(gradient, [-2, 2])


def test_float32_log_probs_and_float64_scores_give_what_jax_promotes_them_to(case, batch):
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        logp, old_logp, scores = batch()
        logp = logp.astype(jnp.float32)
        mixed, gradient = case.run(logp, old_logp.astype(jnp.float32), scores)
        assert mixed.dtype == jnp.float64
        assert gradient.dtype == jnp.float32
        expected = case(logp.astype(jnp.float64), old_logp.astype(jnp.float32).astype(jnp.float64), scores)
        np.testing.assert_array_equal(mixed, expected)


RANGES = [
    ("float32", 1e20),
    ("float32", 3e38),
    pytest.param("float32", 1e10, marks=pytest.mark.slow),
    pytest.param("bfloat16", 1e20, marks=pytest.mark.slow),
    pytest.param("float16", 600.0, marks=pytest.mark.slow),
    ("float16", 65504.0),
    pytest.param("float64", 1e200, marks=pytest.mark.slow),
    pytest.param("float64", 1.7e308, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "scale"), RANGES)
def test_scores_of_a_large_range_teach_as_small_ones(unit_free_case, name, scale):
    with jax.enable_x64(name == "float64"):
        dtype = jnp.dtype(name)
        # The last row has twice the range of the largest number.
        units = jnp.array([[1, 0, 0, 0], [1, 0.5, 0.5, 0], [1, -1, 0, 0.5]], dtype)
        logp = jnp.log(jnp.array([[0.1, 0.2, 0.3, 0.4]] * 3)).astype(dtype)
        scaled = units * jnp.asarray(scale, dtype)
        for small, large in zip(
            unit_free_case.run(logp, logp, units), unit_free_case.run(logp, logp, scaled), strict=True
        ):
            tolerance = {"float16": 1e-3, "bfloat16": 1e-2}.get(name, 1e-6)
            np.testing.assert_allclose(
                large.astype(float), small.astype(float), rtol=tolerance, atol=tolerance
            )


def test_equal_scores_are_a_constant_group_however_large():
    from tpo_objectives import standardize

    largest = np.finfo(np.float32).max
    for level in (largest, -largest, 1e30):
        np.testing.assert_array_equal(standardize(jnp.full((2, 7), level)), np.zeros((2, 7)))


def test_a_small_range_far_from_0_is_not_taken_for_a_constant_group():
    from tpo_objectives import standardize

    near = np.nextafter(np.float32(1e30), np.float32(2e30))
    np.testing.assert_allclose(standardize(jnp.array([near, np.float32(1e30)])), [1.0, -1.0], rtol=1e-6)


def test_a_score_of_0_among_large_ones_and_a_single_large_one_among_many():
    from tpo_objectives import standardize

    scores = np.zeros(1000, np.float32)
    scores[0] = 2.0**126
    expected = (scores / scores[0] - 1e-3) / (scores / scores[0]).std()
    np.testing.assert_allclose(standardize(jnp.asarray(scores)), expected, rtol=1e-4)
