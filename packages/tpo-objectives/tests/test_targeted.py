"""TPO's first step as advantages is TPO's first step."""

import jax.numpy as jnp
import numpy as np
import pytest

from tpo_objectives import advantages, batch_mean, logp_gradient, policy_gradient, surrogates, tpo


def plain(logp, old_logp, scores, **where):
    """A policy gradient of whole answers with the advantages."""
    return policy_gradient(
        logp, old_logp, scores, advantage=advantages.targeted, surrogate=surrogates.plain, **where
    )


def of_ratio(*arrays, **where):
    return tpo(*arrays, anchor="ratio", **where)


@pytest.mark.parametrize("where", [None, jnp.arange(6) < 4], ids=["whole groups", "smaller groups"])
def test_a_policy_gradient_with_it_has_the_gradient_of_tpo_where_the_answers_were_sampled(where, batch, x64):
    _, old_logp, scores = batch()
    where = {} if where is None else {"where": jnp.broadcast_to(where, scores.shape)}
    wanted = logp_gradient(of_ratio, old_logp, old_logp, scores, **where)
    ours = logp_gradient(plain, old_logp, old_logp, scores, reduce=batch_mean, **where)
    assert np.abs(wanted).max() > 0.01
    np.testing.assert_allclose(ours, wanted, atol=1e-12)


def test_after_the_first_step_it_is_another_gradient(batch, x64):
    logp, old_logp, scores = batch()
    wanted = logp_gradient(of_ratio, logp, old_logp, scores)
    ours = logp_gradient(plain, logp, old_logp, scores)
    assert np.abs(ours - wanted).max() > 0.01


def test_the_mean_is_zero_and_a_constant_group_has_none(batch):
    scores = batch(dtype=jnp.float32)[2]
    weights = advantages.targeted(scores)
    np.testing.assert_allclose(weights.mean(-1), 0.0, atol=1e-6)
    np.testing.assert_array_equal(weights[0], 0.0)
    assert (weights >= -1).all()
