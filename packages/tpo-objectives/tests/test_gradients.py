"""The gradient in `logp` has a closed form in every objective, and no other input has one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def standardized(scores):
    std = scores.std(-1, keepdims=True)
    return np.where(std > 1e-6, (scores - scores.mean(-1, keepdims=True)) / np.maximum(std, 1e-6), 0.0)


def tpo_gradient(logp, old_logp, scores, *, eta=1.0, anchor=True, cap=1.0):
    tilt, scale = standardized(scores) / eta, 1.0
    if anchor == "ratio":
        return softmax(logp - old_logp) - softmax(tilt)
    if anchor == "tempered":
        share = 1 / np.maximum(1.0, old_logp.std(-1, keepdims=True) / cap)
        return softmax(logp - (1 - share) * old_logp) - softmax(share * old_logp + tilt)
    if anchor == "capped":
        scale = np.maximum(1.0, old_logp.std(-1, keepdims=True) / cap)
    return (softmax(logp / scale) - softmax(bool(anchor) * old_logp / scale + tilt)) / scale


def centered(values):
    return values - values.mean(-1, keepdims=True)


def through_softmax(p, gradient):
    return p * (gradient - (p * gradient).sum(-1, keepdims=True))


def lpo_gradient(logp, old_logp, scores, *, divergence="forward", tau=1.0):
    p, target = softmax(logp - old_logp), softmax(scores / tau)
    return p - target if divergence == "forward" else through_softmax(p, np.log(p) - np.log(target))


def dmpo_gradient(logp, old_logp, scores, *, divergence="mse", beta=1.0, tau=1 / 15, clip=0.2):
    k, advantages = scores.shape[-1], standardized(scores)
    p, target = softmax(logp), softmax(advantages / tau)
    slope = 2 * (p - target) / k if divergence == "mse" else 0.5 * np.log(2 * p / (p + target))
    return ppo_gradient(logp, old_logp, advantages, clip=clip) / k + beta * through_softmax(p, slope)


def gvpo_gradient(logp, old_logp, scores, *, beta=0.1):
    return -beta * centered(scores - beta * (logp - old_logp)) / (scores.shape[-1] - 1)


def rebel_gradient(logp, old_logp, scores, *, eta=1.0):
    return 4 * centered((logp - old_logp) / eta - scores) / (eta * (scores.shape[-1] - 1))


def opmd_gradient(logp, old_logp, scores, *, tau=0.01):
    return -(centered(scores) - tau * (logp - old_logp)) / scores.shape[-1]


def awr_gradient(_logp, _old_logp, scores, *, beta=1.0, max_weight=20.0):
    return -np.minimum(np.exp(centered(scores) / beta), max_weight) / scores.shape[-1]


def mpo_gradient(_logp, _old_logp, scores, *, eta=1.0):
    return -softmax(scores / eta)


def v_mpo_gradient(_logp, _old_logp, scores, *, eta=1.0):
    least = -np.sort(-scores, axis=-1)[..., 2:3]  # the third of six
    weights = (scores >= least) * np.exp(scores / eta)
    return -weights / weights.sum(-1, keepdims=True)


def pmpo_gradient(logp, old_logp, scores, *, alpha=0.5, beta=1.0):
    u = standardized(scores)
    accepted, rejected = (side / np.maximum(side.sum(-1, keepdims=True), 1) for side in (u > 0, u < 0))
    return (1 - alpha) * rejected - alpha * accepted + beta * (np.exp(logp - old_logp) - 1) / u.shape[-1]


def mdpo_gradient(logp, old_logp, scores, *, step=1.0):
    d = logp - old_logp
    return -np.exp(d) * (centered(scores) - d / step) / scores.shape[-1]


def cross_entropy_gradient(logp, _old_logp, scores):
    best = scores == scores.max(-1, keepdims=True)
    informative = scores.std(-1, keepdims=True) > 1e-6
    return informative * (softmax(logp) - best / best.sum(-1, keepdims=True))


def group_pg_gradient(_logp, _old_logp, scores, *, eta=1.0):
    return -standardized(scores) / eta


def ppo_gradient(logp, old_logp, scores, *, clip=0.2):
    ratio = np.exp(logp - old_logp)
    clipped = np.where(scores > 0, ratio > 1 + clip, ratio < 1 - clip)
    return np.where(clipped, 0.0, -ratio * scores)


def grpo_gradient(logp, old_logp, scores, *, clip=0.2, kl_coef=0.04):
    surrogate = ppo_gradient(logp, old_logp, standardized(scores), clip=clip)
    return surrogate + kl_coef * (1 - np.exp(old_logp - logp))


def dg_gradient(logp, _old_logp, scores, *, eta=1.0):
    return -scores / (1 + np.exp(scores * logp / eta))


def reinforce_gradient(_logp, _old_logp, scores):
    return -scores


CLOSED_FORM = {
    "tpo": tpo_gradient,
    "lpo": lpo_gradient,
    "dmpo": dmpo_gradient,
    "gvpo": gvpo_gradient,
    "rebel": rebel_gradient,
    "opmd": opmd_gradient,
    "awr": awr_gradient,
    "mpo": mpo_gradient,
    "v_mpo": v_mpo_gradient,
    "pmpo": pmpo_gradient,
    "mdpo": mdpo_gradient,
    "grpo": grpo_gradient,
    "group_pg": group_pg_gradient,
    "cross_entropy": cross_entropy_gradient,
    "ppo": ppo_gradient,
    "dg": dg_gradient,
    "reinforce": reinforce_gradient,
}


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_gradient_equals_its_closed_form(case, precision, batch, seed):
    arrays = batch(seed, precision.dtype)
    expected = CLOSED_FORM[case.name](*(np.asarray(x, np.float64) for x in arrays), **case.options)
    # GRPO divides by std + 1e-8, which the closed form here leaves out.
    tolerance = max(precision.tolerance, 1e-7 if case.name == "grpo" else 0.0)
    np.testing.assert_allclose(case.gradient(*arrays), expected, rtol=tolerance, atol=tolerance)


def test_no_gradient_flows_into_what_was_sampled(case, batch):
    leaks = jax.jit(jax.grad(lambda *arrays: case(*arrays).sum(), argnums=(1, 2)))
    for leak in leaks(*batch(0, jnp.float32)):
        np.testing.assert_array_equal(leak, np.zeros(leak.shape))


@pytest.mark.parametrize("argument", [0, 1], ids=["old_logp", "scores"])
def test_no_gradient_flows_through_the_target(batch, argument):
    from tpo_objectives import tpo_target

    weights, old_logp, scores = batch(0, jnp.float32)
    leak = jax.grad(lambda *arrays: (weights * tpo_target(*arrays)).sum(), argnums=argument)(old_logp, scores)
    np.testing.assert_array_equal(leak, np.zeros(leak.shape))


@pytest.mark.parametrize("shift", [0.0, -3.0])
def test_tpo_rests_at_its_target(precision, batch, shift):
    from tpo_objectives import tpo, tpo_target

    _, old_logp, scores = batch(0, precision.dtype)
    logp = jnp.log(tpo_target(old_logp, scores)) + shift
    gradient = jax.grad(lambda x: tpo(x, old_logp, scores).sum())(logp)
    np.testing.assert_allclose(gradient, np.zeros(logp.shape), atol=precision.tolerance)


@pytest.mark.parametrize("level", [0.0, 0.7, -700.0])
def test_constant_groups_rest_at_the_snapshot(resting_case, precision, batch, level):
    logp, _, _ = batch(0, precision.dtype)
    gradient = resting_case.gradient(logp, logp, jnp.full(logp.shape, level, precision.dtype))
    np.testing.assert_allclose(gradient, np.zeros(logp.shape), atol=precision.tolerance)


def test_a_spread_below_1e_6_is_that_of_a_constant_group(unit_free_case, precision, batch):
    logp, old_logp, _ = batch(0, precision.dtype)
    row = 0.9e-6 * np.array([1, -1, 1, -1, 1, -1])
    scores = jnp.asarray(np.tile(row, (5, 1)), precision.dtype)
    expected = unit_free_case.gradient(logp, old_logp, jnp.zeros_like(scores))
    np.testing.assert_array_equal(unit_free_case.gradient(logp, old_logp, scores), expected)


def test_without_anchor_a_constant_group_is_pulled_to_uniform(precision, batch):
    from tpo_objectives import tpo

    logp, _, _ = batch(0, precision.dtype)
    scores = jnp.full(logp.shape, 0.7, logp.dtype)
    gradient = jax.grad(lambda x: tpo(x, x, scores, anchor=False).sum())(logp)
    expected = softmax(np.asarray(logp, np.float64)) - 1 / 6
    np.testing.assert_allclose(gradient, expected, atol=precision.tolerance)


RATIOS = {
    "below, good": (0.7, 1.0, False),
    "below, bad": (0.7, -1.0, True),
    "inside low, good": (0.9, 1.0, False),
    "inside low, bad": (0.9, -1.0, False),
    "inside high, good": (1.1, 1.0, False),
    "inside high, bad": (1.1, -1.0, False),
    "above, good": (1.3, 1.0, True),
    "above, bad": (1.3, -1.0, False),
}


@pytest.mark.parametrize(("ratio", "advantage", "clipped"), RATIOS.values(), ids=RATIOS)
def test_clip_stops_only_what_has_earned_enough(ratio, advantage, clipped):
    from tpo_objectives import grpo, ppo

    expected = 0.0 if clipped else -ratio * advantage
    logp, old_logp = jnp.array([np.log(ratio), 0.0]), jnp.zeros(2)
    scores = jnp.array([advantage, -advantage])  # mean 0 and std 1, so the advantages of GRPO too

    of_ppo = np.asarray(jax.grad(lambda x: ppo(x, old_logp, scores).sum())(logp))
    np.testing.assert_allclose(of_ppo[0], expected, rtol=1e-5)
    of_grpo = np.asarray(jax.grad(grpo)(logp, old_logp, scores, kl_coef=0.0))
    np.testing.assert_allclose(of_grpo[0], expected, rtol=1e-5)
    with_kl = np.asarray(jax.grad(grpo)(logp, old_logp, scores, kl_coef=0.5))
    np.testing.assert_allclose(with_kl[0], expected + 0.5 * (1 - 1 / ratio), rtol=1e-5)


@pytest.mark.parametrize("log_ratio", [-21.0, 21.0])
@pytest.mark.parametrize("name", ["ppo", "grpo"])
def test_nothing_flows_beyond_a_log_ratio_of_20(name, log_ratio):
    import tpo_objectives

    objective = getattr(tpo_objectives, name)
    scores = jnp.array([1.0, -1.0])
    gradient = jax.grad(lambda x: objective(x, jnp.zeros(2), scores).sum())(jnp.full(2, log_ratio))
    np.testing.assert_array_equal(gradient, np.zeros(2))


@pytest.mark.usefixtures("x64")
def test_dg_tends_to_half_of_reinforce(batch):
    from tpo_objectives import dg, reinforce

    arrays = batch()
    half = np.asarray(reinforce(*arrays)) / 2
    gaps = [np.abs(np.asarray(dg(*arrays, eta=eta)) - half).max() for eta in (1.0, 1e3, 1e6)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-4


def test_dg_passes_rare_successes_and_holds_back_rare_failures():
    from tpo_objectives import dg

    logp, advantages = jnp.full(2, -20.0), jnp.array([1.0, -1.0])
    gradient = jax.grad(lambda x: dg(x, x, advantages).sum())(logp)
    np.testing.assert_allclose(gradient, [-1.0, 0.0], atol=1e-6)


@pytest.mark.usefixtures("x64")
def test_grpo_starts_as_group_pg(batch):
    """At ratio 1 nothing is clipped and the KL is flat; std + 1e-8 leaves a relative gap of 1e-8 / std."""
    from tpo_objectives import group_pg, grpo

    logp, _, scores = batch()
    of_grpo = jax.grad(lambda x: grpo(x, logp, scores).sum())(logp)
    of_group_pg = jax.grad(lambda x: group_pg(x, logp, scores, eta=1.0).sum())(logp)
    np.testing.assert_allclose(of_grpo, of_group_pg, rtol=1e-7)
