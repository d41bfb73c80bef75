"""A mask of what exists: a padded group is the smaller group without its padding."""

import inspect
import re

import jax.numpy as jnp
import numpy as np
import pytest

SIZES = [6, 4, 1, 0, 4]


def plain(name):
    """The function without the shape checks that the tests may have switched on, which would speak first."""
    import tpo_objectives

    return inspect.unwrap(getattr(tpo_objectives, name))


def ragged(arrays, fill=np.nan):
    """The batch with only the first `SIZES` candidates of each group, the others replaced by `fill`."""
    where = np.arange(6) < np.array(SIZES)[:, None]
    return [jnp.asarray(np.where(where, array, fill), array.dtype) for array in arrays], jnp.asarray(where)


def both(case, arrays, **where):
    return tuple(map(np.asarray, case.run(*arrays, **where)))


@pytest.mark.usefixtures("x64")
def test_ragged_groups_are_those_without_padding(group_case, batch):
    arrays = batch(1)
    padded, where = ragged(arrays)
    losses, gradient = both(group_case, padded, where=where)
    whole = both(group_case, arrays)
    for index, size in enumerate(SIZES):
        if size == 0:
            assert losses[index] == 0
        else:
            alone = [array[index, :size] for array in arrays]
            loss, slope = [x[index] for x in whole] if size == 6 else both(group_case, alone)
            np.testing.assert_allclose(losses[index], loss, rtol=1e-10, atol=1e-10)
            np.testing.assert_allclose(gradient[index, :size], slope, rtol=1e-10, atol=1e-10)
        np.testing.assert_array_equal(gradient[index, size:], np.zeros(6 - size))


@pytest.mark.parametrize("fill", [np.inf, -np.inf, 7.0])
def test_what_does_not_exist_reaches_nothing(group_case, batch, fill):
    arrays = batch(1, jnp.float32)
    expected = both(group_case, ragged(arrays)[0], where=ragged(arrays)[1])
    padded, where = ragged(arrays, fill)
    for got, without in zip(both(group_case, padded, where=where), expected, strict=True):
        assert np.isfinite(got).all()
        np.testing.assert_array_equal(got, without)


@pytest.mark.usefixtures("x64")
def test_a_mask_of_all_true_is_no_mask(case, batch):
    arrays = batch()
    for got, expected in zip(
        both(case, arrays, where=jnp.ones((5, 6), bool)), both(case, arrays), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10)


def test_samples_that_do_not_exist_have_no_loss_and_no_gradient(sample_case, batch):
    arrays = batch(0, jnp.float32)
    padded, where = ragged(arrays)
    for got, whole in zip(both(sample_case, padded, where=where), both(sample_case, arrays), strict=True):
        np.testing.assert_allclose(got, np.where(where, whole, 0.0), rtol=1e-6)


def test_a_nan_score_that_exists_still_shows(group_case, batch):
    logp, old_logp, scores = batch(0, jnp.float32)
    padded, where = ragged([logp, old_logp, scores.at[1, 0].set(jnp.nan)])
    losses = group_case.run(*padded, where=where)[0]
    np.testing.assert_array_equal(np.isnan(losses), [False, True, False, False, False])


NAMES = ["tpo", "lpo", "dmpo", "gvpo", "rebel", "opmd", "awr", "mpo", "v_mpo", "pmpo", "mdpo"]
NAMES += ["grpo", "group_pg", "cross_entropy", "ppo", "dg", "reinforce"]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_masks_are_refused(name):
    arrays = [jnp.zeros((4, 8))] * 3
    with pytest.raises(TypeError, match=rf"^{name}: where must be an array of bools, got float32"):
        plain(name)(*arrays, where=jnp.ones((4, 8)))
    expected = re.escape("where must have the shape of logp, (4, 8), got (8,)")
    with pytest.raises(ValueError, match=rf"^{name}: {expected}"):
        plain(name)(*arrays, where=jnp.ones(8, bool))


def tokens(seed=0):
    """Log-probs of the tokens of five groups of six answers, ragged in both, and sums over each answer."""
    rng = np.random.default_rng(seed)
    where = (np.arange(4) < rng.integers(1, 5, size=(5, 6, 1))) & (np.arange(6) < np.array(SIZES)[:, None])[
        ..., None
    ]
    old_logp = np.where(where, -rng.exponential(size=(5, 6, 4)), np.nan)
    logp = np.where(where, old_logp + 0.2 * rng.normal(size=(5, 6, 4)), np.nan)
    scores = np.where(where.any(-1), rng.normal(size=(5, 6)), np.nan)
    by_token = [jnp.asarray(array) for array in (logp, old_logp, scores)]
    sums = [jnp.asarray(np.nansum(array, -1)) for array in (logp, old_logp)]
    return by_token, jnp.asarray(where), [*sums, by_token[2]], jnp.asarray(where.any(-1))


@pytest.mark.usefixtures("x64")
def test_log_probs_of_tokens_are_summed(summed_case):
    by_token, where, sums, exists = tokens()
    losses, gradient = both(summed_case, by_token, where=where)
    expected, slope = both(summed_case, sums, where=exists)
    np.testing.assert_allclose(losses, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(gradient, np.where(where, slope[..., None], 0.0), rtol=1e-10, atol=1e-12)


@pytest.mark.usefixtures("x64")
def test_dmpo_and_the_mean_anchor_divide_by_the_length():
    from tpo_objectives import dmpo, tpo

    (logp, old_logp, scores), where, sums, exists = tokens()
    lengths = jnp.maximum(where.sum(-1), 1).astype(float)
    means = [total / lengths for total in sums[:2]]
    got = tpo(logp, old_logp, scores, anchor="mean", where=where)
    np.testing.assert_allclose(got, tpo(*means, scores, where=exists), rtol=1e-10)
    # On policy the surrogate is 0, as the advantages of a group are 0 on average.
    got = dmpo(logp, logp, scores, where=where)
    np.testing.assert_allclose(got, dmpo(means[0], means[0], scores, where=exists), atol=1e-12)
    assert not np.allclose(got, dmpo(sums[0], sums[0], scores, where=exists), atol=1e-3)
