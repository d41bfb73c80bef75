"""Answers that end: the transformer samples until the end token, and no further than it must."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_models import CausalTransformer
from tpo_models._sampling import sample_until

END = 3
sample = eqx.filter_jit(CausalTransformer.sample)
log_softmax = eqx.filter_jit(CausalTransformer.answer_log_softmax)


@pytest.fixture(scope="module")
def policy():
    sizes = {"vocab_size": 4, "horizon": 6, "prompt_length": 3, "width": 8, "layers": 2, "heads": 2}
    return CausalTransformer(**sizes, initial_probs=(0.3, 0.2, 0.1, 0.4), key=jax.random.key(0))


@pytest.fixture(scope="module")
def prompts():
    return jax.random.randint(jax.random.key(1), (5, 3), 0, 4)


def test_an_answer_is_the_fixed_length_one_up_to_its_end_token(policy, prompts):
    key = jax.random.key(2)
    everything, of_everything = sample(policy, key, prompts, 7, horizon=6)
    answers, log_probs = sample(policy, key, prompts, 7, horizon=6, end=END)
    everything = np.asarray(everything)
    before = np.cumsum(everything == END, axis=-1) - (everything == END) == 0
    assert 0 < before.sum() < before.size
    np.testing.assert_array_equal(answers, np.where(before, everything, END))
    np.testing.assert_allclose(log_probs, np.where(before, of_everything, 0.0), rtol=1e-5)


def test_the_log_probs_are_those_of_recomputation(policy, prompts):
    answers, log_probs = sample(policy, jax.random.key(2), prompts, 7, horizon=6, end=END)
    again = eqx.filter_jit(CausalTransformer.log_probs)(policy, prompts, answers)
    written = np.asarray(log_probs) != 0
    np.testing.assert_allclose(log_probs, np.where(written, again, 0.0), atol=1e-5)


@pytest.mark.parametrize("end", [None, END])
def test_a_temperature_divides_the_logits(policy, prompts, end):
    answers, log_probs = sample(policy, jax.random.key(2), prompts, 7, horizon=6, end=end, temperature=0.5)
    tempered = jax.nn.log_softmax(2.0 * log_softmax(policy, prompts, answers))
    expected = jnp.take_along_axis(tempered, answers[..., None], axis=-1)[..., 0]
    written = np.asarray(log_probs) != 0
    np.testing.assert_allclose(log_probs, np.where(written, expected, 0.0), atol=1e-5)
    cold = sample(policy, jax.random.key(2), prompts, 7, horizon=6, end=end, temperature=1e-4)[0]
    np.testing.assert_array_equal(cold[:, 0], cold[:, 1])


def test_initial_probs_are_those_of_the_first_answers(prompts):
    probs = (0.7, 0.2, 0.07, 0.03)
    sizes = {"vocab_size": 4, "horizon": 6, "prompt_length": 3, "width": 8, "layers": 1, "heads": 1}
    policy = CausalTransformer(**sizes, initial_probs=probs, key=jax.random.key(0))
    flat = eqx.tree_at(lambda p: p.head.kernel, policy, jnp.zeros_like(policy.head.kernel))
    np.testing.assert_allclose(
        jnp.exp(log_softmax(flat, prompts, jnp.zeros((5, 1, 6), int))), [[[probs] * 6]] * 5
    )


@pytest.mark.parametrize("probs", [(0.5, 0.5), (0.5, 0.5, 0.0, 0.0), (0.1, 0.2, 0.3, 0.3)])
def test_initial_probs_are_a_distribution_over_the_tokens(probs):
    sizes = {"vocab_size": 4, "horizon": 6, "width": 8, "layers": 1, "heads": 1}
    with pytest.raises(ValueError, match=r"initial_probs is .*; expected 4 numbers above 0 with the sum 1"):
        CausalTransformer(**sizes, initial_probs=probs, key=jax.random.key(0))


@pytest.mark.parametrize(("longest", "decoded"), [(1, 0), (4, 3), (6, 5), (9, 5)])
def test_no_more_is_decoded_than_the_longest_answer_needs(longest, decoded):
    calls = []
    # The first candidate ends after `longest` tokens, the second after one.
    ends = jnp.array([[longest - 1, 0]])

    def logits(position):
        return jnp.where(
            (position >= ends)[..., None], jnp.array([-jnp.inf, 0.0]), jnp.array([0.0, -jnp.inf])
        )

    def decode(tokens, t, cache):
        jax.debug.callback(lambda t: calls.append(int(t)), t)
        return logits(t + 1), cache

    @jax.jit
    def run(key):
        return sample_until(key, logits(0), (), decode, 6, 1)

    answers, log_probs = run(jax.random.key(0))
    jax.effects_barrier()
    assert sorted(calls) == list(range(decoded))
    np.testing.assert_array_equal(answers[:, 0, 0], [0] * min(longest - 1, 6) + [1] * max(0, 7 - longest))
    np.testing.assert_array_equal(log_probs, np.zeros((6, 1, 2)))
