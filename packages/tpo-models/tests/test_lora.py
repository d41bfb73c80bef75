"""Low-rank adapters: where they start, what they add, and which leaves are trained."""

import equinox as eqx
import jax
import jax.numpy as jnp
import naive_language_model as naive
import numpy as np
import pytest

from tpo_models import LanguageModel, LanguageModelConfig, merged, trainable_lora, with_lora

CONFIG = LanguageModelConfig(
    vocab_size=11, width=8, layers=2, heads=4, kv_heads=2, head_dim=4, mlp_width=6, qkv_biases=True
)
PROMPTS, ANSWERS = jnp.array([[3, 4], [1, 2]]), jnp.array([[[5, 6, 0]], [[7, 8, 9]]])
log_probs = eqx.filter_jit(LanguageModel.log_probs)


@pytest.fixture(scope="module")
def model():
    return eqx.filter_jit(LanguageModel)(CONFIG, key=jax.random.key(0))


@pytest.fixture(scope="module")
def adapted(model):
    """A model whose adapters have moved away from zero."""
    model = with_lora(model, rank=2, alpha=3.0, targets=("query", "value", "down"), key=jax.random.key(1))
    rng = np.random.default_rng(0)
    move = eqx.filter(model, trainable_lora(model))
    moved = jax.tree.map(
        lambda leaf: leaf + jnp.asarray(0.3 * rng.normal(size=leaf.shape), jnp.float32), move
    )
    return eqx.combine(moved, model)


def test_adapters_change_nothing_at_their_start(model):
    np.testing.assert_array_equal(
        log_probs(with_lora(model, key=jax.random.key(1)), PROMPTS, ANSWERS),
        log_probs(model, PROMPTS, ANSWERS),
    )


def test_adapters_add_their_scaled_product(model, adapted):
    got = log_probs(adapted, PROMPTS, ANSWERS)
    assert float(jnp.abs(got - log_probs(model, PROMPTS, ANSWERS)).max()) > 0.01
    np.testing.assert_allclose(
        got, eqx.filter_jit(naive.log_probs)(adapted, PROMPTS.tolist(), ANSWERS), atol=1e-5
    )


def test_a_merged_model_has_no_adapters_and_computes_the_same(model, adapted):
    plain = merged(adapted)
    assert jax.tree.structure(plain) == jax.tree.structure(model)
    np.testing.assert_allclose(
        log_probs(plain, PROMPTS, ANSWERS), log_probs(adapted, PROMPTS, ANSWERS), atol=1e-5
    )
    assert eqx.tree_equal(merged(model), model)


def test_the_gradient_of_the_trained_leaves_is_that_of_the_adapters_alone(adapted):
    spec = trainable_lora(adapted)
    assert jax.tree.structure(spec) == jax.tree.structure(adapted)
    trained, frozen = eqx.partition(adapted, spec)
    assert [leaf.shape[-2:] for leaf in jax.tree.leaves(trained)] == [
        *((2, 8), (16, 2), (2, 8), (8, 2), (2, 6), (8, 2))
    ]
    gradient = eqx.filter_jit(
        eqx.filter_grad(lambda t: eqx.combine(t, frozen).log_probs(PROMPTS, ANSWERS).sum())
    )(trained)
    whole = eqx.filter_jit(eqx.filter_grad(lambda m: m.log_probs(PROMPTS, ANSWERS).sum()))(adapted)
    expected = eqx.filter(whole, spec)
    for got, wanted in zip(jax.tree.leaves(gradient), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank is 0, but it must be at least 1"),
        ({"targets": ("q_proj",)}, "targets are .*'q_proj'.*; expected some of .*'query'"),
        ({"targets": ()}, "expected some of"),
    ],
)
def test_wrong_options_are_named(model, options, message):
    with pytest.raises(ValueError, match=message):
        with_lora(model, **options, key=jax.random.key(0))


def test_adapters_are_added_once_and_needed_to_be_trained(model, adapted):
    with pytest.raises(ValueError, match="the model has adapters; merge them first"):
        with_lora(adapted, key=jax.random.key(0))
    with pytest.raises(ValueError, match="the model has no adapters; add them with with_lora"):
        trainable_lora(model)
