"""Wrong input gets a message with the place, what was expected, and the fix."""

import inspect

import jax.numpy as jnp
import pytest

TARGET_NAMES = ["tpo", "lpo", "dmpo", "gvpo", "rebel", "opmd", "awr", "mpo", "v_mpo", "pmpo", "mdpo"]
GROUP_NAMES = [*TARGET_NAMES, "grpo", "group_pg", "cross_entropy"]
NAMES = [*GROUP_NAMES, "ppo", "dg", "reinforce"]


def plain(name):
    """The function without the shape checks that the tests may have switched on, which would speak first."""
    import tpo_objectives

    return inspect.unwrap(getattr(tpo_objectives, name))


@pytest.mark.parametrize("name", NAMES)
def test_shapes_that_would_broadcast_are_refused(name):
    logp, scores = jnp.zeros((4, 8)), jnp.zeros((4, 1))
    with pytest.raises(ValueError, match=rf"^{name}: .*logp \(4, 8\).*scores \(4, 1\).*broadcast"):
        plain(name)(logp, logp, scores)


@pytest.mark.parametrize("name", NAMES)
def test_integers_are_refused(name):
    logp, rewards = jnp.zeros((4, 8)), jnp.ones((4, 8), jnp.int32)
    with pytest.raises(TypeError, match=rf"^{name}: scores .*int32.*scores\.astype"):
        plain(name)(logp, logp, rewards)


@pytest.mark.parametrize("shape", [(), (4, 0)], ids=str)
@pytest.mark.parametrize("name", GROUP_NAMES)
def test_groups_without_candidates_are_refused(name, shape):
    arrays = [jnp.zeros(shape)] * 3
    with pytest.raises(ValueError, match=rf"^{name}: the last axis of logp .*at least one candidate"):
        plain(name)(*arrays)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("tpo", "eta"),
        ("tpo", "cap"),
        ("lpo", "tau"),
        ("dmpo", "tau"),
        ("dmpo", "clip"),
        ("gvpo", "beta"),
        ("rebel", "eta"),
        ("awr", "beta"),
        ("awr", "max_weight"),
        ("mpo", "eta"),
        ("v_mpo", "eta"),
        ("mdpo", "step"),
        ("group_pg", "eta"),
        ("dg", "eta"),
        ("ppo", "clip"),
        ("grpo", "clip"),
    ],
)
def test_options_must_be_positive(name, option, value):
    arrays = [jnp.zeros((4, 8))] * 3
    with pytest.raises(ValueError, match=rf"{option} must be finite and above 0, got {value}"):
        plain(name)(*arrays, **{option: value})


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("name", "option"),
    [("grpo", "kl_coef"), ("dmpo", "beta"), ("opmd", "tau"), ("pmpo", "alpha"), ("pmpo", "beta")],
)
def test_a_weight_may_not_be_below_0(name, option, value):
    arrays = [jnp.zeros((4, 8))] * 3
    with pytest.raises(ValueError, match=rf"^{name}: {option} must be finite and at least 0, got {value}"):
        plain(name)(*arrays, **{option: value})
