"""Large batches, in which equal answers are computed once: the same numbers as with nothing shared."""

import equinox as eqx
import jax
import jax.numpy as jnp
import naive_transformer as naive
import numpy as np
import pytest

from tpo_models import CausalTransformer

PROMPTS, CANDIDATES, HORIZON, VOCAB_SIZE = 48, 24, 6, 3


@pytest.fixture(scope="module")
def policy():
    sizes = {"vocab_size": VOCAB_SIZE, "horizon": HORIZON, "width": 32, "layers": 2, "heads": 2}
    return CausalTransformer(**sizes, key=jax.random.key(0))


def batch_of(different_answers, *, copies_of_prompts=1):
    prompts = jax.random.randint(jax.random.key(1), (PROMPTS, HORIZON), 0, VOCAB_SIZE)
    answers = jax.random.randint(jax.random.key(2), (PROMPTS, different_answers, HORIZON), 0, VOCAB_SIZE)
    candidates = jnp.arange(CANDIDATES) % different_answers
    return prompts[jnp.arange(PROMPTS) // copies_of_prompts], answers[:, candidates]


log_probs = eqx.filter_jit(CausalTransformer.log_probs)
naive_log_probs = eqx.filter_jit(naive.log_probs)


@pytest.mark.parametrize("different_answers", [1, 5, CANDIDATES])
@pytest.mark.parametrize("copies_of_prompts", [1, 3])
def test_log_probs_are_those_of_recomputation(policy, different_answers, copies_of_prompts):
    prompts, answers = batch_of(different_answers, copies_of_prompts=copies_of_prompts)
    wanted = naive_log_probs(policy, prompts, answers)
    np.testing.assert_allclose(log_probs(policy, prompts, answers), wanted, atol=1e-5)


@eqx.filter_jit
def gradient(params, rest, weights, batch, of_answers):
    def loss(params):
        log_probs = of_answers(eqx.combine(params, rest), *batch)
        return jnp.sum(weights * log_probs.astype(weights.dtype))

    return jax.tree.leaves(jax.grad(loss)(params))


@pytest.mark.parametrize("different_answers", [1, 5, CANDIDATES])
@pytest.mark.parametrize("trained", ["everything", "the head"])
def test_gradients_are_those_of_recomputation(policy, different_answers, trained):
    batch = batch_of(different_answers, copies_of_prompts=2)
    weights = jax.random.normal(jax.random.key(3), batch[1].shape)
    none = jax.tree.map(lambda leaf: False, policy)
    chosen = eqx.tree_at(lambda tree: tree.head, none, True) if trained == "the head" else eqx.is_array
    params, rest = eqx.partition(policy, chosen)
    found = gradient(params, rest, weights, batch, CausalTransformer.log_probs)
    wanted = gradient(params, rest, weights, batch, naive.log_probs)
    largest = max(float(jnp.max(jnp.abs(leaf))) for leaf in wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 * largest)


def test_gradients_of_half_precision_are_close_to_those_of_full_precision(policy):
    prompts, answers = batch_of(5)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), policy)
    weights = jnp.ones(answers.shape)
    rounded = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), half)
    found, wanted = (
        gradient(*eqx.partition(each, eqx.is_array), weights, (prompts, answers), log_probs)
        for each, log_probs in ((half, CausalTransformer.log_probs), (rounded, naive.log_probs))
    )
    assert {leaf.dtype for leaf in found} == {np.dtype(jnp.bfloat16)}
    ours, theirs = (
        np.concatenate([np.ravel(leaf).astype(float) for leaf in each]) for each in (found, wanted)
    )
    assert np.linalg.norm(ours - theirs) <= 0.01 * np.linalg.norm(theirs)


@pytest.mark.parametrize("certainty", [0.0, 3.0, 30.0])
@pytest.mark.parametrize("end", [None, 1, 2])
def test_the_same_answers_are_drawn_as_with_recomputation(policy, certainty, end):
    sharp = eqx.tree_at(lambda tree: tree.head.bias, policy, certainty * jnp.eye(VOCAB_SIZE)[1])
    prompts, _ = batch_of(1, copies_of_prompts=2)
    key = jax.random.key(4)
    sample = eqx.filter_jit(CausalTransformer.sample)
    answers, of_answers = sample(sharp, key, prompts, CANDIDATES, end=end)
    wanted, of_wanted = (np.asarray(a) for a in eqx.filter_jit(naive.sample)(sharp, key, prompts, CANDIDATES))
    if end is not None:
        after = np.cumsum(wanted == end, axis=-1) - (wanted == end) > 0
        wanted, of_wanted = np.where(after, end, wanted), np.where(after, 0.0, of_wanted)
    # Rounding may decide a draw between two tokens.
    same = (answers == wanted).all(axis=-1)
    assert same.mean() > 0.995
    np.testing.assert_allclose(of_answers[same], of_wanted[same], atol=1e-5)


def test_a_temperature_divides_the_logits(policy):
    prompts, _ = batch_of(1)
    sample = eqx.filter_jit(CausalTransformer.sample)
    answers, of_answers = sample(policy, jax.random.key(5), prompts, CANDIDATES, temperature=0.5)
    log_softmax = eqx.filter_jit(naive.answer_log_softmax)(policy, prompts, answers)
    tempered = jax.nn.log_softmax(2 * log_softmax)
    wanted = jnp.take_along_axis(tempered, answers[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(of_answers, wanted, atol=1e-5)
