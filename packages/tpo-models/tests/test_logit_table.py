"""The table of logits: which rows it reads, and its start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_models import LogitTable


def test_each_context_has_the_log_softmax_of_its_own_row():
    table = LogitTable(contexts=5, actions=3, initial_std=2.0, key=jax.random.key(0))
    contexts = jnp.array([4, 0, 4])
    probs = np.exp(np.asarray(table.logits))[np.asarray(contexts)]
    expected = probs / probs.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(jnp.exp(table.log_policy(contexts)), expected, rtol=1e-5)


def test_the_gradient_reaches_only_the_rows_that_were_read():
    table = LogitTable(contexts=4, actions=3, key=jax.random.key(0))
    gradient = jax.grad(lambda table: table.log_policy(jnp.array([2]))[0, 1])(table)
    np.testing.assert_allclose(gradient.logits[2], [-1 / 3, 2 / 3, -1 / 3], rtol=1e-5)
    assert not np.any(np.delete(np.asarray(gradient.logits), 2, axis=0))


@pytest.mark.parametrize("initial_std", [0.0, 1.0, 3.0])
def test_the_first_logits_have_the_given_spread(initial_std):
    table = LogitTable(contexts=100, actions=100, initial_std=initial_std, key=jax.random.key(1))
    assert np.std(table.logits) == pytest.approx(initial_std, rel=0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        {"contexts": 0},
        {"actions": 0},
        {"initial_std": -1.0},
        {"initial_std": np.nan},
        {"initial_std": np.inf},
    ],
)
def test_wrong_sizes_are_refused(wrong):
    with pytest.raises(ValueError, match="must be at least"):
        LogitTable(**{"contexts": 2, "actions": 2, **wrong}, key=jax.random.key(0))
