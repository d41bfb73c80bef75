"""`informative_only` against a loop over the groups."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest


def informative_rows(scores):
    return np.asarray(scores, np.float64).std(-1).reshape(-1) > 1e-6


def test_mean_over_all_is_the_mean_over_informative_groups(group_case, batch):
    from tpo_objectives import informative_only

    arrays = batch(0, jnp.float32)
    masked = np.asarray(informative_only(group_case)(*arrays))
    losses = np.asarray(group_case(*arrays))
    kept = [
        loss for loss, informative in zip(losses, informative_rows(arrays[2]), strict=True) if informative
    ]
    assert masked.shape == (5,)
    assert 0 < len(kept) < masked.size
    np.testing.assert_allclose(masked.mean(), sum(kept) / len(kept), rtol=1e-4)


@pytest.mark.parametrize(("scores", "factor"), [([0.0, 1.0], 1.0), ([0.7, 0.7], 0.0)])
def test_a_single_group_is_a_batch_of_one(scores, factor):
    from tpo_objectives import group_pg, informative_only

    logp, scores = jnp.array([-1.0, -2.0]), jnp.array(scores)
    masked = informative_only(group_pg)(logp, logp, scores)
    np.testing.assert_allclose(masked, factor * group_pg(logp, logp, scores))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.usefixtures("x64")
def test_the_mask_keeps_the_dtype(group_case, batch, dtype):
    from tpo_objectives import informative_only

    assert jax.eval_shape(informative_only(group_case), *batch(0, dtype)).dtype == dtype


def test_dropped_groups_have_no_gradient(group_case, batch):
    from tpo_objectives import informative_only

    logp, old_logp, scores = batch(0, jnp.float32)
    gradient = jax.grad(lambda x: informative_only(group_case)(x, old_logp, scores).mean())(logp)
    moved = np.abs(gradient).max(-1) > 0
    np.testing.assert_array_equal(moved, informative_rows(scores))


def test_a_batch_without_signal_has_loss_0(group_case, batch):
    from tpo_objectives import informative_only

    logp, old_logp, _ = batch(0, jnp.float32)
    losses = informative_only(group_case)(logp, old_logp, jnp.full(logp.shape, 0.7))
    np.testing.assert_array_equal(losses, np.zeros(5))


def test_a_batch_full_of_signal_is_left_alone(group_case, batch):
    from tpo_objectives import informative_only

    logp, old_logp, _ = batch(0, jnp.float32)
    losses = informative_only(group_case)(logp, old_logp, logp)
    np.testing.assert_allclose(losses, group_case(logp, old_logp, logp), rtol=1e-6)


def test_an_objective_that_divides_by_the_spread_is_made_finite(batch):
    from tpo_objectives import informative_only

    def unguarded(logp, _old_logp, scores):
        return jnp.sum(logp, axis=-1) / (jnp.max(scores, axis=-1) - jnp.min(scores, axis=-1))

    arrays = batch(0, jnp.float32)
    np.testing.assert_array_equal(np.isfinite(unguarded(*arrays)), informative_rows(arrays[2]))
    assert np.isfinite(informative_only(unguarded)(*arrays)).all()


def test_all_leading_axes_are_one_batch(batch):
    from tpo_objectives import grpo, informative_only

    masked = jax.jit(informative_only(grpo))
    arrays = batch(0, jnp.float32, (2, 5))
    flat = [np.reshape(array, (10, 6)) for array in arrays]
    np.testing.assert_allclose(np.reshape(masked(*arrays), 10), masked(*flat), rtol=1e-5)


def test_mapping_over_batches_keeps_each_batchs_own_count(batch):
    from tpo_objectives import grpo, informative_only

    masked, arrays = jax.jit(informative_only(grpo)), batch(0, jnp.float32, (2, 5))
    mapped = jax.jit(jax.vmap(masked))(*arrays)  # only the first batch of five has a constant group
    for index in range(2):
        one = (jnp.asarray(np.asarray(array)[index]) for array in arrays)
        np.testing.assert_allclose(np.asarray(mapped)[index], masked(*one), rtol=1e-5)
    assert not np.allclose(mapped, masked(*arrays))


def test_options_pass_through(batch):
    from tpo_objectives import grpo, informative_only

    arrays = batch(0, jnp.float32)
    options = {"clip": 0.5, "kl_coef": 0.3}
    expected = informative_only(functools.partial(grpo, **options))(*arrays)
    np.testing.assert_array_equal(informative_only(grpo)(*arrays, **options), expected)
    assert not np.allclose(informative_only(grpo)(*arrays), expected)


def test_it_looks_like_what_it_wraps():
    from tpo_objectives import grpo, informative_only

    masked = informative_only(grpo)
    assert masked.__name__ == "grpo"
    assert masked.__doc__ == grpo.__doc__
    assert inspect.signature(masked) == inspect.signature(grpo)


def test_a_sample_objective_is_refused(batch):
    from tpo_objectives import informative_only, reinforce

    with pytest.raises(ValueError, match=r"one loss per group, shape \(5,\), got \(5, 6\).*such as grpo"):
        informative_only(reinforce)(*batch(0, jnp.float32))
