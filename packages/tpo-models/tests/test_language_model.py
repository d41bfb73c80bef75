"""The language model against a naive one, and what its fast paths must not change."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import naive_language_model as naive
import numpy as np
import pytest

from tpo_models import LanguageModel, LanguageModelConfig
from tpo_models._attention import KeyValues
from tpo_models._grouped_attention import Readable, attend_grouped
from tpo_models._sliced_log_probs import sliced_log_probs

CONFIG = LanguageModelConfig(
    vocab_size=11, width=8, layers=2, heads=4, kv_heads=2, head_dim=4, mlp_width=6, rope_base=100.0
)
FAMILIES = {
    "Llama": {},
    "Llama with a head": {"tied_head": False, "kv_heads": 4},
    "Qwen2": {"qkv_biases": True},
    "Qwen3": {"qk_norms": True, "head_dim": 6, "kv_heads": 1},
}
PROMPTS = [[3, 4], [1, 2, 3, 9], [5]]
FILLED = jnp.array([[-1, -1, 3, 4], [1, 2, 3, 9], [-1, -1, -1, 5]])
END = 0

sample = eqx.filter_jit(LanguageModel.sample)
log_probs = eqx.filter_jit(LanguageModel.log_probs)
log_softmax = eqx.filter_jit(LanguageModel.answer_log_softmax)
naive_log_probs = eqx.filter_jit(naive.log_probs)
naive_log_softmax = eqx.filter_jit(naive.answer_log_softmax)


def make(family="Llama", seed=0, **options):
    config = dataclasses.replace(CONFIG, **FAMILIES[family])
    model = LanguageModel(config, key=jax.random.key(seed), **options)
    # Zero biases and unit scales would hide mistakes, so every parameter is moved away from its start.
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: x + jnp.asarray(0.3 * rng.normal(size=x.shape), x.dtype), model)


def answers_of(seed, *shape):
    return jax.random.randint(jax.random.key(seed), shape, 0, CONFIG.vocab_size)


def close(got, expected, atol=1e-5):
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, atol=atol * max(1.0, float(jnp.abs(b).max())))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("length", [1, 4])
def test_filled_prompts_that_candidates_share_equal_one_whole_sequence_at_a_time(family, length):
    model, answers = make(family), answers_of(1, 3, 2, length)
    expected = naive_log_softmax(model, PROMPTS, answers)
    close(log_softmax(model, FILLED, answers), expected)
    close(log_probs(model, FILLED, answers), naive_log_probs(model, PROMPTS, answers))


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_equal_those_of_the_naive_model(family):
    answers = answers_of(1, 3, 2, 4)
    weights = jnp.asarray(np.random.default_rng(2).normal(size=answers.shape), jnp.float32)

    def gradient(of, prompts, model):
        weighted = eqx.filter_grad(lambda model: jnp.sum(weights * of(model, prompts, answers)))
        return jax.tree.leaves(eqx.filter_jit(weighted)(model))

    expected = gradient(naive.log_probs, PROMPTS, make(family))
    for checkpoint in (False, True):
        found = gradient(LanguageModel.log_probs, FILLED, make(family, checkpoint=checkpoint))
        close(found, expected, atol=5e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("end", [None, END])
def test_cached_sampling_gives_the_log_probs_of_full_recomputation(family, end):
    model = make(family)
    answers, sampled = sample(model, jax.random.key(7), FILLED, 6, horizon=5, end=end)
    everything = naive_log_probs(model, PROMPTS, answers)
    written = np.asarray(sampled) != 0
    assert written.all() == (end is None)
    close(sampled, np.where(written, everything, 0.0))


def test_greedy_answers_are_the_most_probable_tokens_with_their_log_probs():
    model = make()
    answers, sampled = sample(model, jax.random.key(7), FILLED, 2, horizon=5, temperature=0)
    everything = naive_log_softmax(model, PROMPTS, answers)
    np.testing.assert_array_equal(answers, everything.argmax(-1))
    close(sampled, everything.max(-1))


def test_prompts_may_be_repeated_instead_of_shared():
    model, answers = make(), answers_of(1, 3, 4, 5)
    repeated = log_probs(model, jnp.repeat(FILLED, 4, axis=0), answers.reshape(12, 1, 5))
    close(log_probs(model, FILLED, answers), repeated.reshape(answers.shape))


def test_more_fillers_change_nothing():
    model, answers = make(), answers_of(1, 3, 2, 3)
    more = jnp.pad(FILLED, ((0, 0), (5, 0)), constant_values=-1)
    close(log_probs(model, more, answers), log_probs(model, FILLED, answers))
    narrow, wide = (sample(model, jax.random.key(7), p, 4, horizon=5, end=END) for p in (FILLED, more))
    np.testing.assert_array_equal(narrow[0], wide[0])
    close(narrow[1], wide[1])


def test_stopping_early_changes_no_token_before_the_end():
    model, key = make(), jax.random.key(7)
    everything, of_everything = (np.asarray(x) for x in sample(model, key, FILLED, 6, horizon=5))
    answers, sampled = sample(model, key, FILLED, 6, horizon=5, end=END)
    before = np.cumsum(everything == END, axis=-1) - (everything == END) == 0
    assert 0 < before.sum() < before.size
    np.testing.assert_array_equal(answers, np.where(before, everything, END))
    close(sampled, np.where(before, of_everything, 0.0))


def test_no_more_is_decoded_than_the_longest_answer_needs():
    model = make()
    steps = []

    def counted(x, *rest):
        jax.debug.callback(lambda: steps.append(1))
        return original(x, *rest)

    original = LanguageModel._decode
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LanguageModel, "_decode", counted)
        answers, _ = jax.jit(lambda key: model.sample(key, FILLED[:1], 2, horizon=30, end=END))(
            jax.random.key(5)
        )
        jax.effects_barrier()
    longest = int(((np.asarray(answers) != END).sum(-1) + 1).max())
    assert 0 < len(steps) == longest - 1 < 29


def test_slices_of_the_vocabulary_equal_the_whole_in_value_and_gradient():
    rng = np.random.default_rng(0)
    x, head = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((7, 4), (10, 4)))
    for columns in (1, 3):
        tokens = jnp.asarray(rng.integers(0, 10, (7, columns)))
        weights = jnp.asarray(rng.normal(size=tokens.shape), jnp.float32)

        def value_and_gradient(of):
            return jax.value_and_grad(lambda x, head: jnp.sum(weights * of(x, head)), argnums=(0, 1))(x, head)  # noqa: B023

        def whole(x, head):
            return jnp.take_along_axis(jax.nn.log_softmax(x @ head.T), tokens, axis=-1)  # noqa: B023

        for logits in (1, 20, 30, 70):
            sliced = value_and_gradient(lambda x, head: sliced_log_probs(x, head, tokens, logits=logits))  # noqa: B023
            close(sliced, value_and_gradient(whole))


def test_memory_of_scoring_and_its_gradient_does_not_hold_all_logits():
    vocab, rows = 2**12, 2**14
    x, head = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((rows, 2), (vocab, 2)))
    tokens = jax.ShapeDtypeStruct((rows, 1), jnp.int32)
    loss = jax.grad(lambda x, head, tokens: sliced_log_probs(x, head, tokens).sum(), argnums=(0, 1))
    temporary = jax.jit(loss).lower(x, head, tokens).compile().memory_analysis().temp_size_in_bytes
    assert temporary < vocab * rows * 4 / 2


@pytest.mark.parametrize("block", [1, 3, 4])
def test_attention_in_blocks_equals_attention_at_once(block):
    rng = np.random.default_rng(0)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    queries, own = normal(2, 2, 3, 8, 4), KeyValues(normal(2, 2, 3, 5, 4), normal(2, 2, 3, 5, 4))
    prefix = KeyValues(normal(2, 2, 6, 4), normal(2, 2, 6, 4))
    weights = normal(2, 2, 3, 8, 4)
    masks = [jnp.asarray(rng.random(shape) < 0.7) for shape in ((2, 1, 1, 1, 6), (1, 1, 1, 8, 5))]

    def loss_and_gradient(block):
        def loss(queries, own, prefix):
            parts = [Readable(prefix, masks[0]), Readable(own, masks[1])]
            return jnp.sum(weights * attend_grouped(queries, parts, block=block))

        return jax.value_and_grad(loss, argnums=(0, 1, 2))(queries, own, prefix)

    close(loss_and_gradient(block), loss_and_gradient(8))


def test_vmap_over_models_equals_one_model_at_a_time():
    models, answers = [make(seed=seed) for seed in (0, 1)], answers_of(1, 3, 2, 4)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)
    keys = jax.random.split(jax.random.key(7), 2)
    scored = eqx.filter_jit(eqx.filter_vmap(lambda m: m.log_probs(FILLED, answers)))(stacked)
    drawn = eqx.filter_jit(eqx.filter_vmap(lambda m, k: m.sample(k, FILLED, 3, horizon=4, end=END)))(
        stacked, keys
    )
    for index, model in enumerate(models):
        close(scored[index], log_probs(model, FILLED, answers))
        answers_alone, sampled_alone = sample(model, keys[index], FILLED, 3, horizon=4, end=END)
        np.testing.assert_array_equal(drawn[0][index], answers_alone)
        close(drawn[1][index], sampled_alone)


@pytest.mark.parametrize("stored", [jnp.float32, jnp.bfloat16])
def test_bfloat16_is_close_and_its_gradients_have_the_dtype_of_the_parameters(stored):
    exact, answers = make(), answers_of(1, 3, 2, 4)
    narrow = jax.tree.map(lambda leaf: leaf.astype(stored), make(dtype=jnp.bfloat16))
    got, gradient = eqx.filter_jit(eqx.filter_value_and_grad(lambda m: m.log_probs(FILLED, answers).sum()))(
        narrow
    )
    scored = log_probs(narrow, FILLED, answers)
    assert scored.dtype == got.dtype == jnp.float32
    np.testing.assert_allclose(scored, log_probs(exact, FILLED, answers), atol=0.15)
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {jnp.dtype(stored)}
    answers, sampled = sample(narrow, jax.random.key(7), FILLED, 4, horizon=4)
    np.testing.assert_allclose(sampled, log_probs(narrow, FILLED, answers), atol=0.15)


def test_a_key_determines_the_parameters_and_their_scales():
    config = dataclasses.replace(CONFIG, vocab_size=400, width=64, heads=8, head_dim=8, mlp_width=256)
    model = LanguageModel(config, key=jax.random.key(0))
    for kernel in (model.embedding, model.layers.query.kernel, model.layers.down.kernel):
        assert float(kernel.std()) == pytest.approx(kernel.shape[-1] ** -0.5, rel=0.03)
    assert (model.norm == 1).all()
    assert (model.layers.mlp_norm == 1).all()
    assert {leaf.dtype for leaf in jax.tree.leaves(model)} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 0}, "layers is 0, but it must be at least 1"),
        ({"kv_heads": 3}, "kv_heads is 3, which does not divide heads 4"),
        ({"head_dim": 3}, "head_dim is 3, but rotary embeddings need an even number"),
        ({"rope_base": 0.0}, "rope_base is 0.0, but it must be above 0 and finite"),
    ],
)
def test_wrong_sizes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CONFIG, **changes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"horizon": 3000}, "have 3004 tokens, but the model has 2048 positions; shorten"),
        ({"horizon": 0}, "horizon is 0, but it must be at least 1"),
        ({"candidates": 0}, "candidates is 0, but it must be at least 1"),
        ({"temperature": -1.0}, "temperature is -1.0, but it must be at least 0 and finite"),
        ({"top_p": 0.0}, "top_p is 0.0, but it must be above 0 and at most 1"),
    ],
)
def test_wrong_options_of_sampling_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make().sample(jax.random.key(0), FILLED, **{"candidates": 2, "horizon": 3, **options})
