"""Hyperparameters as traced values, arrays and NumPy numbers; arrays as lists and numbers."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

OPTIONS = [
    ("tpo", "eta"),
    ("group_pg", "eta"),
    ("dg", "eta"),
    ("grpo", "clip"),
    ("grpo", "kl_coef"),
    ("ppo", "clip"),
    ("tpo", "cap"),
    ("tpo", "target_kl"),
    ("tpo", "std_floor"),
    ("lpo", "tau"),
    ("dmpo", "beta"),
    ("dmpo", "tau"),
    ("dmpo", "clip"),
    ("gvpo", "beta"),
    ("rebel", "eta"),
    ("opmd", "tau"),
    ("awr", "beta"),
    ("awr", "max_weight"),
    ("mpo", "eta"),
    ("v_mpo", "eta"),
    ("pmpo", "alpha"),
    ("pmpo", "beta"),
    ("mdpo", "step"),
]
MAY_BE_NONE = ["target_kl", "std_floor"]
TARGETS = ["lpo", "dmpo", "gvpo", "rebel", "opmd", "awr", "mpo", "v_mpo", "pmpo", "mdpo"]
NAMES = ["tpo", "grpo", "group_pg", "cross_entropy", "ppo", "dg", "reinforce", *TARGETS]
OLD_LOGP = jnp.log(jnp.array([0.1, 0.2, 0.3, 0.4]))
LOGP = jnp.log(jnp.array([0.2, 0.15, 0.35, 0.3]))
SCORES = jnp.array([1.0, 0.0, 0.0, 0.5])


def plain(name):
    """The function without the shape checks that the tests may have switched on, which would speak first."""
    import tpo_objectives

    return inspect.unwrap(getattr(tpo_objectives, name))


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_may_be_traced_mapped_or_an_array(name, option):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)

    def loss(value, logp=LOGP):
        return objective(logp, OLD_LOGP, SCORES, **{option: value})

    expected = [loss(value) for value in (0.2, 0.3)]
    np.testing.assert_allclose(jax.jit(loss)(0.2), expected[0], rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(loss)(jnp.array([0.2, 0.3])), expected, rtol=1e-5)
    for value in (np.float32(0.2), np.array(0.2), jnp.float32(0.2), jnp.asarray(0.2, jnp.bfloat16)):
        assert loss(value).dtype == jnp.float32
        np.testing.assert_allclose(loss(value), expected[0], rtol=1e-2)
    np.testing.assert_allclose(jax.jit(loss)(1), loss(1), rtol=1e-5)


@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_no_gradient_flows_into_an_option(name, option):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)
    leak = jax.grad(lambda value: objective(LOGP, OLD_LOGP, SCORES, **{option: value}).sum())(0.2)
    assert leak == 0


@pytest.mark.parametrize(
    "value", [True, np.True_, jnp.array(True), "0.2", None, 1j, jnp.ones(4), np.ones((2, 2)), [0.2]], ids=repr
)
@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_an_option_that_is_not_one_number_is_refused(name, option, value):
    if value is None and option in MAY_BE_NONE:
        pytest.skip("None switches the option off")
    with pytest.raises(TypeError, match=rf"^\w+: {option} must be one number, got "):
        plain(name)(LOGP, OLD_LOGP, SCORES, **{option: value})


@pytest.mark.parametrize("value", [10**400, np.float32("nan"), np.array(-1.0), np.float64("inf")], ids=str)
@pytest.mark.parametrize(("name", "option"), OPTIONS)
def test_numbers_of_numpy_are_checked_as_those_of_python(name, option, value):
    with pytest.raises(ValueError, match=rf"^\w+: {option} must be finite and "):
        plain(name)(LOGP, OLD_LOGP, SCORES, **{option: value})


def test_the_anchor_must_be_static():
    with pytest.raises(TypeError, match=r"^tpo: anchor must be True, False or one of .*static_argnames"):
        jax.jit(lambda anchor: plain("tpo")(LOGP, OLD_LOGP, SCORES, anchor=anchor))(True)


@pytest.mark.parametrize("name", NAMES)
def test_lists_are_arrays(name):
    objective = plain(name)
    arrays = (LOGP, OLD_LOGP, SCORES)
    expected = objective(*arrays)
    np.testing.assert_array_equal(objective(*(array.tolist() for array in arrays)), expected)
    np.testing.assert_array_equal(objective(*(np.asarray(array) for array in arrays)), expected)


@pytest.mark.parametrize(("name", "choices"), [("lpo", "forward, reverse"), ("dmpo", "mse, js")])
def test_a_divergence_is_one_of_its_names_and_static(name, choices):
    for value, error in (("kl", ValueError), (True, TypeError), (None, TypeError)):
        with pytest.raises(error, match=rf"^{name}: divergence must be one of {choices}, got {value!r}"):
            plain(name)(LOGP, OLD_LOGP, SCORES, divergence=value)
    with pytest.raises(TypeError, match=r"static_argnames"):
        jax.jit(lambda value: plain(name)(LOGP, OLD_LOGP, SCORES, divergence=value))(1.0)


def test_alpha_is_at_most_1():
    with pytest.raises(ValueError, match=r"^pmpo: alpha must be at most 1, got 1\.1"):
        plain("pmpo")(LOGP, OLD_LOGP, SCORES, alpha=1.1)


@pytest.mark.parametrize("name", ["ppo", "dg", "reinforce"])
def test_a_single_sample_may_be_a_number(name):
    loss = plain(name)(-1.0, -1.5, 0.5)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, plain(name)(jnp.array([-1.0]), jnp.array([-1.5]), jnp.array([0.5]))[0])


@pytest.mark.parametrize("value", [None, "1.0", [[1.0], [1.0, 2.0]], {"a": 1.0}], ids=repr)
@pytest.mark.parametrize("name", ["tpo", "ppo"])
def test_what_is_no_array_is_refused_by_name(name, value):
    with pytest.raises(TypeError, match=rf"^{name}: scores must be an array of floats, got a "):
        plain(name)(LOGP, OLD_LOGP, value)


@pytest.mark.parametrize("scores", [[True, False, False, True], [1, 0, 0, 1]], ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_scores_of_bools_and_integers_are_refused_by_name(name, scores):
    with pytest.raises(TypeError, match=rf"^{name}: scores must be floating point, got (bool|int32)"):
        plain(name)(LOGP, OLD_LOGP, scores)
