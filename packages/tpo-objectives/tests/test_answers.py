"""What the objectives of answers have in common: gradients, masks, symmetries, and finite numbers."""

import dataclasses
import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

PERMUTED = [np.array([2, 0, 3, 1]), np.array([1, 3, 0, 2]), np.array([4, 2, 0, 1, 3])]


@pytest.mark.usefixtures("x64")
def test_gradient_equals_finite_differences(differentiable_case, answers):
    logp, *rest = map(np.asarray, answers())

    def mean(logp):
        return np.sum(differentiable_case.run(logp, *rest)[0]) / 8  # eight answers exist

    slopes = np.zeros(logp.shape)
    for token in zip(*np.nonzero(rest[-1]), strict=True):
        step = np.zeros(logp.shape)
        step[token] = 1e-6
        slopes[token] = (mean(logp + step) - mean(logp - step)) / 2e-6
    np.testing.assert_allclose(differentiable_case.run(logp, *rest)[1], slopes, atol=1e-8)


@pytest.mark.usefixtures("x64")
def test_prompts_candidates_and_tokens_that_do_not_exist_change_nothing(answer_case, answers):
    *arrays, where = answers()
    small = (slice(0, 2), slice(0, 3), slice(0, 4))
    losses, gradient = answer_case.run(*(array[small[: array.ndim]] for array in arrays), None)
    # In the padded batch two groups, a candidate of each group and a token of each answer are NaN.
    exists = jnp.zeros(where.shape, bool).at[small].set(True)
    padded = [jnp.where(exists if x.ndim == 3 else exists.any(-1), x, jnp.nan) for x in arrays]
    padded_losses, padded_gradient = map(np.asarray, answer_case.run(*padded, exists))
    np.testing.assert_allclose(padded_losses[small[:2]], losses, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(padded_gradient[small], gradient, rtol=1e-12, atol=1e-14)
    nothing = ~np.asarray(exists)
    np.testing.assert_array_equal(padded_losses[nothing.all(-1)], 0.0)
    np.testing.assert_array_equal(padded_gradient[nothing], 0.0)


@pytest.mark.usefixtures("x64")
def test_nan_in_ragged_groups_does_not_leak(answer_case, answers):
    *arrays, where = answers()
    filled = [jnp.where(where if x.ndim == 3 else where.any(-1), x, jnp.nan) for x in arrays]
    expected, results = answer_case.run(*arrays, where), answer_case.run(*filled, where)
    for result, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result, wanted)
    losses, gradient = map(np.asarray, results)
    nothing = ~np.asarray(where)  # an answer of the second group, three of the third, all of the last
    np.testing.assert_array_equal(losses[nothing.all(-1)], 0.0)
    np.testing.assert_array_equal(gradient[nothing], 0.0)


@pytest.mark.usefixtures("x64")
def test_a_group_is_the_same_alone(answer_case, answers):
    *arrays, where = answers()
    losses = answer_case.run(*arrays, where)[0]
    only = where & (jnp.arange(4) == 1)[:, None, None]
    alone = answer_case.run(*arrays, only)[0]
    assert np.allclose(alone[1], losses[1], rtol=1e-12, atol=0.0) != answer_case.coupled


@pytest.mark.usefixtures("x64")
def test_order_does_not_matter(answer_case, answers):
    prompts, candidates, tokens = PERMUTED
    arrays = answers()
    losses, gradient = map(np.asarray, answer_case.run(*arrays))
    permuted = [
        array[prompts][:, candidates][..., tokens] if array.ndim == 3 else array[prompts][:, candidates]
        for array in arrays
    ]
    permuted_losses, permuted_gradient = answer_case.run(*permuted)
    np.testing.assert_allclose(permuted_losses, losses[prompts][:, candidates], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        permuted_gradient, gradient[prompts][:, candidates][..., tokens], rtol=1e-12, atol=1e-14
    )


@pytest.mark.usefixtures("x64")
def test_micro_batches_give_the_gradient_of_the_batch(coupled_case, answers):
    from tpo_objectives import logp_gradient

    _, old_logp, scores, where = answers()
    rng = np.random.default_rng(0)
    features, policy = jnp.asarray(rng.normal(size=(4, 4, 5, 3))), jnp.asarray(rng.normal(size=3))

    def log_probs(policy, features):
        return jnp.einsum("...d,d->...", features, policy) - 4.0

    @jax.jit
    def both(policy):
        logp = log_probs(policy, features)
        whole = jax.grad(lambda w: coupled_case.mean(log_probs(w, features), old_logp, scores, where))
        return whole(policy), logp_gradient(coupled_case, logp, old_logp, scores, where=where)

    whole, g = both(policy)
    part = jax.grad(lambda w, rows: jnp.sum(g[rows] * log_probs(w, features[rows])))
    for split in ([[0, 1], [2, 3]], [[0], [1, 2, 3]], [[0], [1], [2], [3]]):
        total = sum(part(policy, jnp.array(rows)) for rows in split)
        np.testing.assert_allclose(total, whole, rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_options_may_be_traced_and_mapped(answer_case, answers):
    arrays = answers()
    numbers = {name: value for name, value in answer_case.options.items() if isinstance(value, float)}

    @jax.jit
    @functools.partial(jax.vmap, axis_size=2)
    def losses(numbers):
        case = dataclasses.replace(answer_case, options={**answer_case.options, **numbers})
        return case(*arrays[:3], where=arrays[3])

    first, second = losses({name: jnp.array([1.0, 2.0]) * value for name, value in numbers.items()})
    np.testing.assert_allclose(first, answer_case.run(*arrays)[0], rtol=1e-12, atol=1e-14)
    assert np.allclose(second, first) != bool(numbers)


def test_bfloat16_comes_back(answer_case, answers):
    results = jax.eval_shape(answer_case.run, *answers(dtype=jnp.bfloat16))
    assert [result.dtype for result in results] == [jnp.bfloat16] * 2


@pytest.mark.parametrize("name", ["gdpo", "gmpo", "remax"])
def test_bfloat16_is_computed_in_float32_and_rounded_once(answers, name):
    # The rest of the family shares the same conversions; these convert more inputs of their own.
    import tpo_objectives

    def losses(logp, old_logp, scores, where):
        extra = {"baseline": scores[:, 0]} if name == "remax" else {}
        scores = jnp.stack([scores, -scores], -1) if name == "gdpo" else scores
        return getattr(tpo_objectives, name)(logp, old_logp, scores, where=where, **extra)

    *arrays, where = answers(dtype=jnp.bfloat16)
    expected = jax.jit(losses)(*(x.astype(jnp.float32) for x in arrays), where)
    got = jax.jit(losses)(*arrays, where)
    np.testing.assert_allclose(got.astype(jnp.float32), expected.astype(jnp.bfloat16), rtol=2e-7)


EXTREMES = {
    "tiny probabilities": (-1e4, -1e4, 1.0),
    "ratios of exp(50)": (-1.0, -51.0, 1.0),
    "ratios of exp(-50)": (-51.0, -1.0, 1.0),
    "scores far apart": (-1.0, -1.1, 1e8),
    "scores close together": (-1.0, -1.1, 1e-8),
    "equal scores": (-1.0, -1.1, 0.0),
}


@pytest.mark.parametrize(("now", "old", "scale"), EXTREMES.values(), ids=EXTREMES)
def test_finite_at_extremes(answer_case, answers, now, old, scale):
    logp, old_logp, scores, where = answers(dtype=jnp.float32)
    results = answer_case.run(logp + now, old_logp + old, scale * scores, where)
    assert all(np.isfinite(result).all() for result in results)


@pytest.mark.parametrize("name", ["token_grpo", "gmpo", "opo"])
def test_log_probs_of_answers_are_answers_of_one_token(answers, name):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)
    logp, old_logp, scores, where = answers(dtype=jnp.float32)
    one = [array[..., 0] for array in (logp, old_logp)]
    expected = objective(*(array[..., None] for array in one), scores, where=where[..., :1])
    np.testing.assert_array_equal(objective(*one, scores, where=where[..., 0]), expected)


@pytest.mark.usefixtures("x64")
def test_weights_and_reference_are_constants_of_what_exists(answers):
    from tpo_objectives import batch_mean, token_grpo

    logp, old_logp, scores, where = answers()
    rng = np.random.default_rng(1)
    weights, ref_logp = (jnp.asarray(rng.uniform(size=logp.shape)) for _ in range(2))

    def loss(logp, weights, ref_logp, kl_coef):
        options = {"weights": weights, "ref_logp": ref_logp, "kl_coef": kl_coef, "where": where}
        return batch_mean(token_grpo(logp, old_logp, scores, **options), where=where)

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    of_logp, *leaks = gradient(logp, weights, ref_logp, 0.3)
    for leak in leaks:
        np.testing.assert_array_equal(leak, np.zeros(leak.shape))
    filled = (jnp.where(where, array, jnp.nan) for array in (weights, ref_logp))
    np.testing.assert_array_equal(gradient(logp, *filled, 0.3)[0], of_logp)
    # The weights are those of the surrogate alone, and the penalty is that to the reference.
    without = gradient(logp, 0.0 * weights, ref_logp, 0.3)[0]
    counts = 8 * np.maximum(np.sum(where, -1, keepdims=True), 1)  # eight answers exist
    np.testing.assert_allclose(
        without, np.asarray(where) * 0.3 * (1 - np.exp(ref_logp - logp)) / counts, rtol=1e-12
    )
    even = gradient(logp, jnp.ones(logp.shape), ref_logp, 0.0)[0]
    np.testing.assert_allclose(of_logp - without, weights * even, rtol=1e-9, atol=1e-12)


def plain(name):
    """The function without the shape checks that the tests may have switched on, which would speak first."""
    import tpo_objectives

    return inspect.unwrap(getattr(tpo_objectives, name))


def test_messages_name_the_objective(answer_case):
    case, logp = answer_case, jnp.zeros((4, 2, 3))
    scores = jnp.zeros((4, 5, 2) if case.name == "gdpo" else (4, 5))
    extra = {"baseline": jnp.zeros(4)} if case.name == "remax" else {}
    with pytest.raises(ValueError, match=rf"^{case.name}: .*\(4, 2, 3\).*\(4, 5\)"):
        plain(case.name)(logp, logp, scores, **extra)


def test_messages_of_special_arguments():
    logp = jnp.zeros((4, 2, 3))
    with pytest.raises(ValueError, match=r"^remax: baseline must have the shape of the prompts, \(4,\), got"):
        plain("remax")(logp, logp, jnp.zeros((4, 2)), baseline=jnp.zeros((4, 2)))
    with pytest.raises(TypeError, match=r"^remax: baseline must be floating point, got int32"):
        plain("remax")(logp, logp, jnp.zeros((4, 2)), baseline=jnp.zeros(4, int))
    with pytest.raises(ValueError, match=r"^gdpo: scores must have the shape \(prompts, candidates, rewards"):
        plain("gdpo")(logp, logp, jnp.zeros(4))
    with pytest.raises(TypeError, match=r"^reinforce_pp: group_baseline must be True or False, got 1"):
        plain("reinforce_pp")(logp, logp, jnp.zeros((4, 2)), group_baseline=1)
    for name in ("token_grpo", "dr_grpo", "reinforce_pp"):
        with pytest.raises(ValueError, match=rf"^{name}: clip must be finite and above 0, got 0"):
            plain(name)(logp, logp, jnp.zeros((4, 2)), clip=0.0)
    with pytest.raises(ValueError, match=r"^gdpo: clip must be finite and above 0, got 0"):
        plain("gdpo")(logp, logp, jnp.zeros((4, 2, 1)), clip=0.0)
    with pytest.raises(ValueError, match=r"^gmpo: low must be finite and above 0, got 0"):
        plain("gmpo")(logp, logp, jnp.zeros((4, 2)), low=0.0)
