"""The causal transformer: its parameters, its causality, and its fast paths against the naive one."""

import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import naive_transformer as naive
import numpy as np
import pytest

from tpo_models import CausalTransformer
from tpo_models._attention import QUERY_BLOCK, KeyValues, attend

# Compiled as a whole, for one operation at a time would be compiled one by one.
log_softmax = eqx.filter_jit(CausalTransformer.answer_log_softmax)
log_probs = eqx.filter_jit(CausalTransformer.log_probs)
sample = eqx.filter_jit(CausalTransformer.sample)
naive_log_softmax = eqx.filter_jit(naive.answer_log_softmax)
naive_log_probs = eqx.filter_jit(naive.log_probs)
naive_sample = eqx.filter_jit(naive.sample)


@functools.lru_cache
@eqx.filter_jit
def make(vocab_size=3, horizon=4, width=8, layers=2, heads=2, seed=0):
    policy = CausalTransformer(
        vocab_size=vocab_size,
        horizon=horizon,
        width=width,
        layers=layers,
        heads=heads,
        key=jax.random.key(seed),
    )
    # Zero biases and unit scales would hide mistakes, so every parameter is moved away from its start.
    leaves, tree = jax.tree.flatten(policy)
    noise = 0.3 * jax.random.normal(jax.random.key(seed + 1), (sum(leaf.size for leaf in leaves),))
    ends = np.cumsum([leaf.size for leaf in leaves])
    moved = [
        leaf + noise[end - leaf.size : end].reshape(leaf.shape)
        for leaf, end in zip(leaves, ends, strict=True)
    ]
    return jax.tree.unflatten(tree, moved)


def tokens(seed, *shape, vocab_size=3):
    return jax.random.randint(jax.random.key(seed), shape, 0, vocab_size)


def test_parameter_count_of_the_paper():
    sizes = {"vocab_size": 4, "horizon": 10, "width": 64, "layers": 2, "heads": 2}
    policy = eqx.filter_eval_shape(lambda key: CausalTransformer(**sizes, key=key), jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(policy)) == 101_892


@pytest.mark.parametrize(("heads", "horizon", "vocab_size"), [(1, 1, 3), (2, 4, 3), (4, 3, 5)])
def test_one_pass_on_the_shared_prefix_equals_full_recomputation(heads, horizon, vocab_size):
    policy = make(vocab_size, horizon, heads=heads)
    prompts = tokens(1, 5, horizon, vocab_size=vocab_size)
    answers = tokens(2, 5, 3, horizon, vocab_size=vocab_size)
    fast = log_softmax(policy, prompts, answers)
    np.testing.assert_allclose(fast, naive_log_softmax(policy, prompts, answers), atol=1e-5)
    np.testing.assert_allclose(
        log_probs(policy, prompts, answers), naive_log_probs(policy, prompts, answers), atol=1e-5
    )


def test_gradients_of_the_shared_prefix_equal_those_of_full_recomputation():
    policy, prompts, answers = make(), tokens(1, 5, 4), tokens(2, 5, 3, 4)
    weights = jax.random.normal(jax.random.key(3), answers.shape)
    fast = eqx.filter_jit(jax.grad(lambda p: jnp.sum(weights * log_probs(p, prompts, answers))))(policy)
    slow = eqx.filter_jit(jax.grad(lambda p: jnp.sum(weights * naive_log_probs(p, prompts, answers))))(policy)
    for got, expected in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5 * max(1.0, float(jnp.abs(expected).max())))


def test_beyond_the_block_of_attention_nothing_changes():
    horizon = QUERY_BLOCK + 8  # two blocks, and the second is not full
    policy, prompts = make(horizon=horizon), tokens(1, 2, horizon)
    answers = tokens(2, 2, 2, horizon)
    weights = jax.random.normal(jax.random.key(3), answers.shape)

    def value_and_gradient(log_probs):
        return eqx.filter_jit(jax.value_and_grad(lambda p: jnp.sum(weights * log_probs(p, prompts, answers))))

    fast = value_and_gradient(CausalTransformer.log_probs)(policy)
    slow = value_and_gradient(naive.log_probs)(policy)
    for got, expected in zip(jax.tree.leaves(fast), jax.tree.leaves(slow), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5 * max(1.0, float(jnp.abs(expected).max())))


@pytest.mark.parametrize("with_prefix", [False, True])
@pytest.mark.parametrize("block", [1, 3, 4])
def test_attention_in_blocks_equals_attention_at_once(block, with_prefix):
    batch, heads, candidates, length, prompt, head_dim = 2, 2, 3, 8, 5, 4
    keys = jax.random.split(jax.random.key(0), 6)
    shape = (batch, heads, candidates, length, head_dim)
    queries, *own = (jax.random.normal(key, shape) for key in keys[:3])
    shared = [jax.random.normal(key, (batch, heads, prompt, head_dim)) for key in keys[3:5]]
    weights = jax.random.normal(keys[5], shape)
    mask = jnp.tril(jnp.ones((length, length), dtype=bool))

    @functools.partial(jax.jit, static_argnames="block")
    def loss_and_gradient(queries, own, shared, block):
        def loss(queries, own, shared):
            prefix = KeyValues(*shared) if with_prefix else None
            return jnp.sum(weights * attend(queries, KeyValues(*own), mask, prefix, block=block))

        return jax.value_and_grad(loss, argnums=(0, 1, 2))(queries, own, shared)

    in_blocks = loss_and_gradient(queries, own, shared, block=block)
    at_once = loss_and_gradient(queries, own, shared, block=length)
    for got, expected in zip(jax.tree.leaves(in_blocks), jax.tree.leaves(at_once), strict=True):
        np.testing.assert_allclose(got, expected, atol=2e-5)


def test_the_memory_of_attention_and_its_gradient_grows_linearly_with_the_horizon():
    def temporary_bytes(horizon):
        own = jax.ShapeDtypeStruct((2, 2, 4, horizon, 8), jnp.float32)
        shared = jax.ShapeDtypeStruct((2, 2, horizon, 8), jnp.float32)
        mask = jnp.tril(jnp.ones((horizon, horizon), dtype=bool))

        def loss(queries, own, prefix):
            return jnp.sum(attend(queries, KeyValues(*own), mask, KeyValues(*prefix)) ** 2)

        gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
        compiled = gradient.lower(own, (own, own), (shared, shared)).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    # The weights of all positions would take four times as much where the horizon doubles.
    assert temporary_bytes(16 * QUERY_BLOCK) < 2.2 * temporary_bytes(8 * QUERY_BLOCK)


@pytest.mark.parametrize("horizon", [1, 3])
def test_cached_sampling_equals_recomputing_the_sequence_for_every_token(horizon):
    policy, prompts = make(horizon=horizon), tokens(1, 6, horizon)
    answers, sampled = sample(policy, jax.random.key(7), prompts, 4)
    expected, expected_log_probs = naive_sample(policy, jax.random.key(7), prompts, 4)
    np.testing.assert_array_equal(answers, expected)
    np.testing.assert_allclose(sampled, expected_log_probs, atol=1e-5)


def test_log_probs_at_sampling_equal_log_probs_of_scoring():
    policy, prompts = make(), tokens(1, 6, 4)
    answers, sampled = sample(policy, jax.random.key(7), prompts, 4)
    np.testing.assert_allclose(sampled, log_probs(policy, prompts, answers), atol=1e-5)


def test_an_impossible_token_leaves_the_others_finite():
    policy = make()
    bias = policy.head.bias.at[0].set(-jnp.inf)
    policy = eqx.tree_at(lambda p: p.head.bias, policy, bias)
    prompts = tokens(1, 2, 4)
    answers, sampled = sample(policy, jax.random.key(2), prompts, 3)
    assert (answers > 0).all()
    assert np.isfinite(sampled).all()
    np.testing.assert_allclose(log_probs(policy, prompts, answers), sampled, atol=1e-5)
    loss = eqx.filter_jit(eqx.filter_grad(lambda p: jnp.sum(p.log_probs(prompts, answers))))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(loss(policy)))


def test_samples_follow_the_exact_distribution_over_answers():
    policy, horizon = make(vocab_size=2, horizon=2), 2
    prompts = tokens(1, 1, horizon, vocab_size=2)
    every = jnp.array([list(itertools.product(range(2), repeat=horizon))])
    exact = np.exp(log_probs(policy, prompts, every).sum(-1))[0]
    assert exact.sum() == pytest.approx(1, abs=1e-5)
    answers, _ = sample(policy, jax.random.key(0), prompts, 20_000)
    counts = np.bincount(np.asarray(answers[0] @ jnp.array([2, 1])), minlength=4)
    # chi-square with 3 degrees of freedom: 21.1 is the 1e-4 tail
    assert ((counts - 20_000 * exact) ** 2 / (20_000 * exact)).sum() < 21.1


def test_a_token_changes_nothing_before_it_and_something_after_it():
    policy, prompts, answers = make(), tokens(1, 1, 4), tokens(2, 1, 1, 4)
    before = log_softmax(policy, prompts, answers)[0, 0]
    for position in range(4):
        changed = answers.at[0, 0, position].set((answers[0, 0, position] + 1) % 3)
        after = log_softmax(policy, prompts, changed)[0, 0]
        np.testing.assert_array_equal(after[: position + 1], before[: position + 1])
        assert all((after[t] != before[t]).any() for t in range(position + 1, 4))


def test_candidates_of_a_prompt_do_not_see_each_other():
    policy, prompts, answers = make(), tokens(1, 2, 4), tokens(2, 2, 3, 4)
    together = log_probs(policy, prompts, answers)
    for k in range(3):
        np.testing.assert_allclose(
            log_probs(policy, prompts, answers[:, k : k + 1])[:, 0], together[:, k], atol=1e-6
        )


def test_vmap_over_seeds_equals_one_seed_at_a_time():
    prompts, answers = tokens(1, 5, 4), tokens(2, 5, 3, 4)
    policies = [make(seed=seed) for seed in (0, 10)]
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *policies)
    together = eqx.filter_jit(eqx.filter_vmap(lambda policy: policy.log_probs(prompts, answers)))(stacked)
    for policy, got in zip(policies, together, strict=True):
        np.testing.assert_allclose(got, log_probs(policy, prompts, answers), atol=1e-5)


def test_initialisers():
    width = 256
    sizes = {"vocab_size": 300, "horizon": 200, "width": width, "layers": 1, "heads": 4}
    policy = eqx.filter_jit(CausalTransformer)(**sizes, key=jax.random.key(0))
    policy = jax.tree.map(np.asarray, policy)
    block = policy.blocks[0]

    def has_std(array, expected):
        assert float(array.std()) == pytest.approx(expected, rel=0.03)
        assert abs(float(array.mean())) < 0.02 * expected

    has_std(policy.token_embedding, width**-0.5)
    has_std(policy.position_embedding, 0.02)
    lecun = [
        *((kernel, width) for kernel in (block.attention.query, block.attention.key, block.attention.value)),
        (block.attention.out, width),
        (block.mlp_in.kernel, width),
        (block.mlp_out.kernel, 4 * width),
        (policy.head.kernel, width),
    ]
    for kernel, fan_in in lecun:
        has_std(kernel, fan_in**-0.5)
        # a normal truncated at two standard deviations, then scaled up by 1 / 0.8796 to have the wanted one
        assert np.abs(kernel).max() <= 2 * fan_in**-0.5 / 0.8796
    assert not np.allclose(block.attention.query, block.attention.key)
    zeros = [leaf for leaf in jax.tree.leaves(policy) if not leaf.any()]
    ones = [leaf for leaf in jax.tree.leaves(policy) if (leaf == 1).all()]
    assert sum(leaf.size for leaf in zeros) == 3 * width + width + 4 * width + width + 300 + 3 * width
    assert sum(leaf.size for leaf in ones) == 3 * width


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 3}, "heads is 3, which does not divide width 8"),
        ({"layers": 0}, "layers is 0, but it must be at least 1"),
        ({"horizon": 0}, "horizon is 0, but it must be at least 1"),
    ],
)
def test_wrong_sizes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)
