"""The MLP policy against NumPy, and its start."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_models import MLP


@pytest.mark.parametrize("hidden", [(), (5,), (5, 7)])
def test_log_policy_is_the_log_softmax_of_relu_layers(hidden):
    policy = MLP(inputs=6, actions=4, hidden=hidden, key=jax.random.key(0))
    biased = jax.tree.map(lambda leaf: leaf + 0.1, policy)
    x = np.random.default_rng(0).normal(size=(3, 6)).astype(np.float32)
    *layers, head = [(np.asarray(layer.kernel), np.asarray(layer.bias)) for layer in biased.layers]
    h = x
    for kernel, bias in layers:
        h = np.maximum(h @ kernel + bias, 0)
    logits = h @ head[0] + head[1]
    expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(biased.log_policy(jnp.asarray(x)), expected, rtol=1e-4, atol=1e-5)


def test_parameter_count_of_the_paper():
    policy = MLP(inputs=784, actions=10, key=jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(policy)) == 784 * 50 + 50 + 50 * 50 + 50 + 50 * 10 + 10


def test_kernels_start_truncated_normal_by_fan_in_and_biases_zero():
    first = MLP(inputs=784, actions=10, key=jax.random.key(0)).layers[0]
    spread = np.std(first.kernel)
    assert spread == pytest.approx(784**-0.5, rel=0.02)
    # Cut at two standard deviations of the untruncated normal, whose std is 1 / 0.8796 of that after the cut.
    assert np.abs(first.kernel).max() <= 2 * 784**-0.5 / 0.8796 * 1.001
    assert not np.any(first.bias)


@pytest.mark.parametrize("sizes", [{"inputs": 0}, {"actions": 0}, {"hidden": (5, 0)}])
def test_sizes_below_one_are_refused(sizes):
    with pytest.raises(ValueError, match="must be at least 1"):
        MLP(**{"inputs": 3, "actions": 2, "hidden": (4,), **sizes}, key=jax.random.key(0))
