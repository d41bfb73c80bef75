"""What every policy can do: both modes of differentiation, narrow dtypes, and donation."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_models import MLP, CausalTransformer, LogitTable

PROMPTS = jnp.array([[0, 1], [2, 0]])
ANSWERS = jnp.array([[[0, 2], [1, 1], [2, 0]], [[2, 2], [0, 1], [1, 0]]])
CONTEXTS = jnp.array([2, 0])
ROWS = jnp.array([[1.0, -1.0, 0.5, 2.0], [0.0, 1.0, 1.0, -2.0]])


def build(name):
    key = jax.random.key(0)
    if name == "transformer":
        return CausalTransformer(vocab_size=3, horizon=2, width=4, layers=1, heads=2, key=key)
    if name == "mlp":  # one kernel is tall, one is wide
        return MLP(inputs=4, actions=3, hidden=(2,), key=key)
    return LogitTable(contexts=3, actions=4, initial_std=1.0, key=key)


make = functools.lru_cache(eqx.filter_jit(build))


@eqx.filter_jit
def log_probs(policy):
    if isinstance(policy, CausalTransformer):
        return policy.log_probs(PROMPTS, ANSWERS)
    return policy.log_policy(ROWS if isinstance(policy, MLP) else CONTEXTS)


def cast(policy, dtype):
    """By NumPy, since JAX would compile a program for each shape."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf).astype(dtype)), policy)


NAMES = ["transformer", "mlp", "logit_table"]
every_policy = pytest.mark.parametrize("name", NAMES)


@every_policy
def test_forward_and_reverse_mode_agree_in_first_and_second_order(name):
    policy = make(name)
    rng = np.random.default_rng(1)
    direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), jnp.float32), policy)

    @eqx.filter_jit
    def both(policy, direction):
        def loss(policy):
            return jnp.sum(jnp.sin(3 * log_probs(policy)))

        def dot(first, second):
            return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, first, second)), jnp.float32(0))

        def slope(policy):
            return jax.jvp(loss, (policy,), (direction,))[1]

        forward, reverse = slope(policy), dot(jax.grad(loss)(policy), direction)
        forward_over_reverse = jax.jvp(jax.grad(loss), (policy,), (direction,))[1]
        return forward, reverse, forward_over_reverse, jax.grad(slope)(policy)

    forward, reverse, one, other = both(policy, direction)
    np.testing.assert_allclose(forward, reverse, rtol=1e-4)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)
    assert max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(one)) > 0.1


def test_the_hessian_of_the_mlp_in_its_input_is_that_of_its_logits():
    policy, row = make("mlp"), ROWS[0]

    def loss(row):
        return policy.log_policy(row[None])[0, 1]

    hidden, head = policy.layers
    open_units = (row @ hidden.kernel > 0).astype(row.dtype)
    slope = (hidden.kernel * open_units) @ head.kernel  # of the logits in the row
    p = jnp.exp(policy.log_policy(row[None]))[0]
    expected = -slope @ (jnp.diag(p) - jnp.outer(p, p)) @ slope.T
    hessian, forward, reverse = jax.jit(
        lambda row: (jax.hessian(loss)(row), jax.jacfwd(loss)(row), jax.grad(loss)(row))
    )(row)
    np.testing.assert_allclose(hessian, expected, atol=1e-5)
    np.testing.assert_allclose(forward, reverse, atol=1e-6)


@every_policy
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_parameters_of_a_narrow_dtype_give_log_probs_and_gradients_of_it(name, dtype):
    policy = make(name)
    narrow = cast(policy, dtype)
    got, gradient = eqx.filter_jit(lambda p: (log_probs(p), jax.grad(lambda p: log_probs(p).sum())(p)))(
        narrow
    )
    assert got.dtype == dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {jnp.dtype(dtype)}
    np.testing.assert_allclose(got.astype(jnp.float32), log_probs(policy), atol=0.05)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_a_transformer_of_a_narrow_dtype_samples_answers_that_it_scores_alike(dtype):
    policy = cast(make("transformer"), dtype)
    answers, sampled = eqx.filter_jit(CausalTransformer.sample)(policy, jax.random.key(1), PROMPTS, 5)
    assert sampled.dtype == dtype
    scored = eqx.filter_jit(CausalTransformer.log_probs)(policy, PROMPTS, answers)
    np.testing.assert_allclose(sampled.astype(jnp.float32), scored.astype(jnp.float32), atol=0.05)


def test_narrow_log_probs_are_sampled_with_random_numbers_of_float32():
    sizes = {"vocab_size": 3, "horizon": 1, "width": 2, "layers": 1, "heads": 1}
    policy = eqx.filter_eval_shape(lambda key: CausalTransformer(**sizes, key=key), jax.random.key(0))
    policy = jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape), jnp.bfloat16), policy)
    bias = jnp.log(jnp.array([0.02, 0.49, 0.49])).astype(jnp.bfloat16)
    policy = eqx.tree_at(lambda policy: policy.head.bias, policy, bias)
    answers, logp = eqx.filter_jit(CausalTransformer.sample)(
        policy, jax.random.key(0), PROMPTS[:1, :1], 100_000
    )
    rare = np.asarray(answers) == 0
    expected = float(np.exp(logp[rare][0].astype(jnp.float32)))  # 2%; noise of bfloat16 would give 1.7%
    assert rare.mean() == pytest.approx(expected, abs=4 * (0.02 / 100_000) ** 0.5)


@every_policy
def test_with_x64_a_policy_is_the_same_and_stays_float32(name):
    expected = log_probs(make(name))
    with jax.enable_x64(True):
        policy = build(name)
        got = log_probs(policy)
    assert {leaf.dtype for leaf in jax.tree.leaves(policy)} == {jnp.dtype(jnp.float32)}
    assert got.dtype == jnp.float32
    np.testing.assert_array_equal(got, expected)


@every_policy
def test_every_parameter_has_a_buffer_of_its_own_and_can_be_donated(name):
    policy = build(name)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(policy)]
    assert len(set(pointers)) == len(pointers)
    doubled = eqx.filter_jit(lambda p: jax.tree.map(lambda leaf: 2 * leaf, p), donate="all")(policy)
    np.testing.assert_allclose(jax.tree.leaves(doubled)[0], 2 * jax.tree.leaves(make(name))[0])
