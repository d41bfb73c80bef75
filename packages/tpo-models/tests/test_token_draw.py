"""Drawing tokens: the distribution of tempered and truncated draws against brute force."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_models._token_draw import draw_tokens

DRAWS = 20_000


def brute_force(logits, temperature=1.0, top_p=1.0):
    """The probabilities of one row: sorted, cut where they reach `top_p`, and normalized."""
    probs = np.exp(np.asarray(logits, float) / temperature)
    probs /= probs.sum()
    order = np.argsort(-probs)
    kept = order[: int(np.searchsorted(np.cumsum(probs[order]), top_p * (1 - 1e-6))) + 1]
    result = np.zeros_like(probs)
    result[kept] = probs[kept]
    return result / result.sum()


@pytest.mark.parametrize("vocab", [1, 2, 5, 40])
@pytest.mark.parametrize(
    "options", [{}, {"temperature": 0.5}, {"top_p": 0.7}, {"temperature": 2.0, "top_p": 0.9}, {"top_p": 1.0}]
)
def test_draws_follow_the_exact_distribution_and_tell_their_log_probs(vocab, options):
    logits = jnp.asarray(np.random.default_rng(vocab).normal(size=(2, vocab)), jnp.float32)
    tokens, log_probs = draw_tokens(jax.random.key(0), logits, DRAWS, **options)
    for row in range(2):
        exact = brute_force(logits[row], **options)
        np.testing.assert_allclose(log_probs[row], np.log(exact[np.asarray(tokens[row])]), atol=1e-5)
        counts, possible = np.bincount(tokens[row], minlength=vocab), exact > 0
        assert counts[~possible].sum() == 0
        # Chi-square with at most 39 degrees of freedom: 80 is beyond the 1e-4 tail.
        expected = DRAWS * exact[possible]
        assert ((counts[possible] - expected) ** 2 / expected).sum() < 80


def test_the_nucleus_keeps_the_fewest_tokens_that_reach_top_p():
    logits = jnp.log(jnp.array([[0.5, 0.3, 0.15, 0.05]]))
    for top_p, kept in ((0.1, 1), (0.49, 1), (0.51, 2), (0.79, 2), (0.81, 3), (0.96, 4), (1.0, 4)):
        tokens, _ = draw_tokens(jax.random.key(0), logits, 2_000, top_p=top_p)
        assert set(np.asarray(tokens).ravel().tolist()) == set(range(kept))


def test_temperature_and_top_p_may_be_traced():
    logits = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6)), jnp.float32)
    draw = jax.jit(lambda t, p: draw_tokens(jax.random.key(0), logits, 50, temperature=t, top_p=p))
    expected = draw_tokens(jax.random.key(0), logits, 50, temperature=0.7, top_p=0.8)
    for got, wanted in zip(draw(0.7, 0.8), expected, strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_impossible_tokens_are_never_drawn():
    logits = jnp.array([[-jnp.inf, 0.0, -jnp.inf, 1.0, -jnp.inf, -jnp.inf]])
    tokens, log_probs = draw_tokens(jax.random.key(0), logits, 1_000)
    assert set(np.asarray(tokens).ravel().tolist()) == {1, 3}
    assert np.isfinite(log_probs).all()
