"""Standardized scores against NumPy, and where a group is constant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("shape", [(5, 6), (2, 5, 6)], ids=str)
def test_equals_numpy(precision, shape):
    from tpo_objectives import standardize

    scores = np.random.default_rng(0).normal(3.0, 2.0, size=shape)
    expected = (scores - scores.mean(-1, keepdims=True)) / scores.std(-1, keepdims=True)
    u = standardize(jnp.asarray(scores, precision.dtype))
    assert u.dtype == precision.dtype
    np.testing.assert_allclose(u, expected, rtol=20 * precision.tolerance, atol=precision.tolerance)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=12))
def test_mean_0_variance_1_and_bounded(values):
    from tpo_objectives import standardize

    # One shape for all examples, so that nothing is compiled twice: the values are repeated in turn.
    scores = np.resize(np.array(values, np.float32), 12)
    u = np.asarray(jax.jit(standardize)(scores))
    assert abs(u.mean()) < 1e-5
    assert abs(u.var() - (scores.min() < scores.max())) < 1e-5
    assert np.abs(u).max() <= np.sqrt(11) + 1e-5


@pytest.mark.parametrize("level", [0.0, 0.7, -0.1, 700.7, -1e6, 1e30])
@pytest.mark.parametrize("candidates", [1, 7, 8, 1000])
def test_a_constant_group_is_exactly_0(level, candidates):
    from tpo_objectives import standardize

    scores = np.full((2, candidates), level, np.float32)
    np.testing.assert_array_equal(jax.jit(standardize)(scores), np.zeros((2, candidates)))


def test_the_bound_on_the_standard_deviation():
    from tpo_objectives import standardize

    sides = np.array([-1.0, 1.0], np.float32)
    bounds = np.array([[0.9e-6], [1.1e-6]], np.float32)
    np.testing.assert_allclose(jax.jit(standardize)(bounds * sides), [[0.0, 0.0], [-1.0, 1.0]], rtol=1e-5)


def test_gradient_is_0_and_never_nan(batch):
    from tpo_objectives import standardize

    _, _, scores = batch(0, jnp.float32)
    gradient = jax.grad(lambda x: jnp.sum(jnp.square(standardize(x))))(scores)
    np.testing.assert_array_equal(gradient, np.zeros((5, 6)))
    _, tangent = jax.jvp(standardize, (scores,), (jnp.ones_like(scores),))
    np.testing.assert_array_equal(tangent, np.zeros((5, 6)))


def test_no_nan_on_the_way_to_a_constant_group(batch):
    from tpo_objectives import standardize

    with jax.debug_nans(True):
        standardize(batch(0, jnp.float32)[2])


def naive_unit(scores, floor, shrinkage):
    variances = scores.var(-1, keepdims=True)
    return np.maximum(floor, np.sqrt((1 - shrinkage) * variances + shrinkage * variances.mean()))


@pytest.mark.parametrize("options", [{"floor": 0.5}, {"shrinkage": 0.3}, {"floor": 0.5, "shrinkage": 0.3}])
def test_floor_and_shrinkage_equal_numpy(options):
    from tpo_objectives import standardize

    scores = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    scores *= np.float32([[0.01], [0.1], [1.0], [2.0], [0.0]])
    unit = naive_unit(scores.astype(float), options.get("floor", 0.0), options.get("shrinkage", 0.0))
    expected = (scores - scores.mean(-1, keepdims=True)) / np.where(
        scores.std(-1, keepdims=True) > 0, unit, 1.0
    )
    np.testing.assert_allclose(
        jax.jit(standardize)(jnp.asarray(scores), **options), expected, rtol=1e-5, atol=1e-6
    )


def test_groups_that_do_not_exist_count_in_no_mean_variance():
    from tpo_objectives import standardize

    scores = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    where = np.array([[True] * 6, [False] * 6, [True] * 4 + [False] * 2])
    got = standardize(jnp.asarray(scores), shrinkage=0.5, where=jnp.asarray(where))
    variances = np.array([scores[0].var(), scores[2, :4].var()])
    unit = np.sqrt(0.5 * variances[1] + 0.5 * variances.mean())
    np.testing.assert_allclose(got[2, :4], (scores[2, :4] - scores[2, :4].mean()) / unit, rtol=1e-5)
    np.testing.assert_array_equal(got[1], np.zeros(6))


def test_a_share_out_of_range_is_refused():
    from tpo_objectives import standardize, tpo

    with pytest.raises(ValueError, match=r"standardize: shrinkage must be from 0 to 1, got 1\.5"):
        standardize(jnp.zeros(3), shrinkage=1.5)
    zeros = jnp.zeros(3)
    with pytest.raises(ValueError, match="tpo: std_shrinkage must be from 0 to 1, got -1"):
        tpo(zeros, zeros, zeros, std_shrinkage=-1)


def test_tpo_standardizes_with_the_same_options():
    from tpo_objectives import standardize, tpo_target

    scores = jnp.asarray(np.random.default_rng(0).normal(size=(5, 6)), jnp.float32)
    u = standardize(scores, floor=2.0, shrinkage=0.3)
    q = tpo_target(jnp.zeros((5, 6)), scores, std_floor=2.0, std_shrinkage=0.3)
    np.testing.assert_allclose(q, jax.nn.softmax(u), rtol=1e-5)
