"""What the members of the target-fitting family rest at, and how they relate."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("x64")
ANCHORS = ["sum", "tempered", "capped", "ratio", "none"]
PAPER_FIXED_POINT = ["sum", "tempered", "ratio"]
OLD_LOGP = [-0.5, -2.0, -1.2, -3.0]
SCORES = [0.0, 1.0, 0.2, 0.4]


def groups(spread, seed=0):
    """Groups of 16 answers, a quarter of them right, with log-probs of the given standard deviation."""
    old_logp = np.random.default_rng(seed).normal(size=(500, 16))
    old_logp *= spread / old_logp.std(-1, keepdims=True)
    return jnp.asarray(old_logp), jnp.asarray(np.tile([1.0] * 4 + [0.0] * 12, (500, 1)))


@functools.cache
def gradient_of(anchor, **options):
    """The gradient of TPO in `logp`, compiled once for all groups of one shape."""
    from tpo_objectives import tpo

    return jax.jit(jax.grad(lambda *arrays: tpo(*arrays, anchor=anchor, **options).sum()))


@pytest.mark.parametrize("spread", [1.0, 5.0, 10.0, 20.0])
def test_share_of_groups_that_teach_nothing(spread):
    old_logp, scores = groups(spread)

    def share(anchor):
        gradient = gradient_of(anchor)(old_logp, old_logp, scores)
        # Capped logits are log-probs divided by the spread, for a cap of 1.
        scale = spread if anchor == "capped" else 1.0
        return np.mean(np.abs(gradient * scale).sum(-1) < 0.05)

    assert share("ratio") == 0
    assert share("capped") < 0.01
    assert share("tempered") < 0.01
    if spread == 1:
        assert share("sum") < 0.01
    if spread >= 10:
        assert share("sum") > 0.5


@pytest.mark.parametrize("anchor", ["capped", "tempered"])
def test_the_anchor_is_the_sum_where_the_spread_is_below_the_cap(anchor):
    from tpo_objectives import tpo

    old_logp, scores = groups(3.0)
    logp = old_logp + 0.1 * jnp.cos(old_logp)
    expected = tpo(logp, old_logp, scores)
    np.testing.assert_allclose(tpo(logp, old_logp, scores, anchor=anchor, cap=3.1), expected, rtol=1e-12)
    assert not np.allclose(tpo(logp, old_logp, scores, anchor=anchor, cap=2.9), expected, rtol=1e-3)


def test_a_small_cap_makes_the_tempered_anchor_the_ratio():
    from tpo_objectives import tpo

    old_logp, scores = groups(10.0)
    logp = old_logp + 0.1 * jnp.cos(old_logp)
    expected = tpo(logp, old_logp, scores, anchor="ratio")
    np.testing.assert_allclose(tpo(logp, old_logp, scores, anchor="tempered", cap=1e-9), expected, atol=1e-7)


@pytest.mark.parametrize("spread", [0.5, 10.0, 200.0])
@pytest.mark.parametrize("anchor", PAPER_FIXED_POINT)
def test_the_anchors_of_the_paper_s_fixed_point(anchor, spread):
    from tpo_objectives import standardize, tpo_policy, tpo_target

    old_logp, scores = groups(spread)
    rest = old_logp + standardize(scores) / 0.7 + 3.0
    gradient = gradient_of(anchor, eta=0.7)
    np.testing.assert_allclose(gradient(rest, old_logp, scores), np.zeros((500, 16)), atol=1e-12)
    gap = tpo_policy(old_logp, old_logp, scores, anchor=anchor) - tpo_target(
        old_logp, scores, eta=0.7, anchor=anchor
    )
    np.testing.assert_allclose(gradient(old_logp, old_logp, scores), gap, atol=1e-12)


def policy(logits, anchor):
    """The distribution over the group that TPO fits to its target."""
    old_logp, scale = jnp.array(OLD_LOGP), np.std(OLD_LOGP) / 0.5
    logits = {
        "ratio": logits - old_logp,
        "capped": logits / scale,
        "tempered": logits - (1 - 1 / scale) * old_logp,
    }.get(anchor, logits)
    return jax.nn.softmax(logits)


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_policy_of_an_anchor(anchor):
    from tpo_objectives import tpo_policy

    old_logp, logp = jnp.array(OLD_LOGP), jnp.array([3.0, -4.0, 0.0, 1.0])
    p = tpo_policy(logp, old_logp, jnp.array(SCORES), anchor=anchor, cap=0.5)
    np.testing.assert_allclose(p, policy(logp, anchor), rtol=1e-12)


def test_the_policy_of_log_probs_of_tokens():
    from tpo_objectives import tpo_policy

    logp = jnp.array([[-1.0, -3.0], [-2.0, 0.0]])
    where = jnp.array([[True, True], [True, False]])
    got = tpo_policy(logp, logp, jnp.zeros(2), anchor="mean", where=where)
    np.testing.assert_allclose(got, [0.5, 0.5], rtol=1e-12)
    got = tpo_policy(logp, logp, jnp.zeros(2), where=where)
    np.testing.assert_allclose(got, jax.nn.softmax(jnp.array([-4.0, -2.0])), rtol=1e-12)


@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize("kl", [0.01, 0.3])
def test_the_temperature_that_gives_a_wanted_divergence(anchor, kl):
    from tpo_objectives import standardize, tpo_target

    old_logp, scores = groups(0.75)  # in which every group can move by 0.3 nats
    q = np.asarray(tpo_target(old_logp, scores, target_kl=kl, anchor=anchor, cap=0.5))
    start = {
        "ratio": np.zeros_like(old_logp),
        "none": np.zeros_like(old_logp),
        "capped": old_logp / 1.5,
        "tempered": old_logp / 1.5,
    }.get(anchor, old_logp)
    p = np.asarray(jax.nn.softmax(start))
    np.testing.assert_allclose((q * np.log(q / p)).sum(-1), np.full(500, kl), rtol=1e-9)
    # The target is a tilt of the old policy by the standardized scores, at a temperature per group.
    tilt, u = np.log(q / p), np.asarray(standardize(scores))
    slope = (tilt[:, :1] - tilt[:, -1:]) / (u[:, :1] - u[:, -1:])
    np.testing.assert_allclose(tilt - tilt[:, -1:], slope * (u - u[:, -1:]), atol=1e-9)
    assert (slope > 0).all()


def test_a_divergence_out_of_reach_takes_the_coldest_target():
    from tpo_objectives import tpo_target

    old_logp = jnp.log(jnp.array([0.4, 0.3, 0.2, 0.1]))
    q = tpo_target(old_logp, jnp.array([0.0, 1.0, 0.0, 0.0]), target_kl=50.0)
    np.testing.assert_allclose(q, [0.0, 1.0, 0.0, 0.0], atol=1e-12)
    constant = tpo_target(old_logp, jnp.full(4, 0.3), target_kl=0.1)
    np.testing.assert_allclose(constant, jnp.exp(old_logp), rtol=1e-12)


def test_the_loss_of_a_wanted_divergence_is_that_of_its_target():
    from tpo_objectives import tpo, tpo_target

    old_logp, scores = groups(1.5)
    logp = old_logp + 0.1 * jnp.cos(old_logp)
    where = jnp.arange(16) < 12
    where = jnp.broadcast_to(where, logp.shape)
    q = tpo_target(old_logp, scores, target_kl=0.2, where=where)
    expected = -jnp.sum(q[:, :12] * jax.nn.log_softmax(logp[:, :12]), axis=-1)
    np.testing.assert_allclose(tpo(logp, old_logp, scores, target_kl=0.2, where=where), expected, rtol=1e-12)
    of_rest = tpo_target(old_logp[:, :12], scores[:, :12], target_kl=0.2)
    np.testing.assert_allclose(q[:, :12], of_rest, rtol=1e-9)


@pytest.mark.parametrize("anchor", ANCHORS)
def test_descent_from_anywhere_ends_at_the_target_and_nowhere_else(anchor):
    from tpo_objectives import tpo, tpo_target

    old_logp, scores, options = jnp.array(OLD_LOGP), jnp.array(SCORES), {"anchor": anchor, "cap": 0.5}
    gradient = jax.grad(lambda x: tpo(x, old_logp, scores, **options))

    def descend(logits):
        return jax.lax.fori_loop(0, 3000, lambda _, x: x - 0.5 * gradient(x), logits)

    starts = jnp.array([OLD_LOGP, [3.0, -4.0, 0.0, 1.0]])
    target = tpo_target(old_logp, scores, **options)
    for end in jax.jit(jax.vmap(descend))(starts):
        np.testing.assert_allclose(policy(end, anchor), target, atol=1e-9)
        np.testing.assert_allclose(gradient(end), np.zeros(4), atol=1e-9)


@pytest.mark.parametrize("anchor", ANCHORS)
def test_the_target_raises_the_best_candidate_most(anchor):
    from tpo_objectives import tpo_target

    old_logp, scores = jnp.array(OLD_LOGP), jnp.array(SCORES)
    before = jnp.full(4, 0.25) if anchor == "none" else policy(old_logp, anchor)
    gain = tpo_target(old_logp, scores, anchor=anchor, cap=0.5) / before
    np.testing.assert_array_equal(np.argsort(gain), np.argsort(SCORES))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lpo", {"tau": 0.5}),
        ("lpo", {"tau": 0.5, "divergence": "reverse"}),
        ("gvpo", {"beta": 0.5}),
        ("rebel", {"eta": 2.0}),
        ("opmd", {"tau": 0.5}),
        ("mdpo", {"step": 2.0}),
    ],
)
def test_members_rest_at_the_exponential_tilt_of_the_old_policy(name, options):
    import tpo_objectives

    old_logp, scores = jnp.array(OLD_LOGP), jnp.array(SCORES)
    change = 2.0 * (scores - scores.mean())
    gradient = jax.jit(jax.grad(lambda x: getattr(tpo_objectives, name)(x, old_logp, scores, **options)))
    np.testing.assert_allclose(gradient(old_logp + change), np.zeros(4), atol=1e-12)
    assert np.abs(gradient(old_logp + 0.9 * change)).max() > 1e-4


def test_lpo_has_the_gradient_of_tpo_on_ratios(batch):
    from tpo_objectives import lpo, standardize, tpo

    logp, old_logp, scores = batch()
    u = standardize(scores)
    of_lpo = jax.jit(jax.grad(lambda x: lpo(x, old_logp, u).sum()))(logp)
    of_tpo = jax.jit(jax.grad(lambda x: tpo(x, old_logp, scores, anchor="ratio").sum()))(logp)
    np.testing.assert_allclose(of_lpo, of_tpo, atol=1e-12)


def test_both_directions_of_lpo_are_a_divergence(batch):
    from tpo_objectives import lpo

    logp, old_logp, scores = batch()
    for direction in ("forward", "reverse"):
        assert (np.asarray(lpo(logp, old_logp, scores, divergence=direction)) > 0).all()
        at_target = lpo(old_logp + scores, old_logp, scores, divergence=direction)
        np.testing.assert_allclose(at_target, np.zeros(5), atol=1e-12)


def test_rebel_over_all_pairs_is_four_times_gvpo(batch):
    from tpo_objectives import gvpo, rebel

    arrays = batch()
    np.testing.assert_allclose(rebel(*arrays, eta=4.0), 4 * gvpo(*arrays, beta=0.25), rtol=1e-12)


@pytest.mark.parametrize("name", ["pmpo", "mdpo"])
def test_a_kl_estimate_is_right_on_average(name):
    """Over a constant group, whose answers are all actions in proportion to the old policy."""
    import tpo_objectives

    counts, logits = np.array([1, 2, 5]), np.array([0.3, -0.5, 0.1])
    old, now = counts / 8, np.exp(logits) / np.exp(logits).sum()
    answers = np.repeat(np.arange(3), counts)
    arrays = [jnp.asarray(np.log(p)[answers]) for p in (now, old)]
    got = getattr(tpo_objectives, name)(*arrays, jnp.zeros(8))
    p, q = (old, now) if name == "pmpo" else (now, old)
    np.testing.assert_allclose(got, (p * np.log(p / q)).sum(), rtol=1e-12)


def test_the_kl_of_pmpo_holds_rejected_answers_only_above_1_minus_alpha():
    from tpo_objectives import pmpo

    # One accepted answer far away from seven rejected ones, which have fallen by 15 nats.
    old_logp, scores = jnp.zeros(8), jnp.array([1.0] + [0.0] * 7)
    logp = old_logp.at[1:].set(-15.0)

    def pull(beta):
        return jax.grad(lambda x: pmpo(x, old_logp, scores, alpha=0.5, beta=beta))(logp)[1]

    assert pull(0.5 * 8 / 7 - 0.01) > 0 > pull(0.5 * 8 / 7 + 0.01)


@pytest.mark.parametrize("log_ratio", [-50.0, 50.0])
def test_members_are_finite_at_log_ratios_of_50_and_scores_1e8_apart(group_case, log_ratio):
    old_logp = jnp.tile(jnp.array([-80.0, -60.0, -1e4, -70.0]), (2, 1)).astype(jnp.float32)
    logp = old_logp.at[:, :2].add(log_ratio)
    scores = jnp.array([[1e8, 0.0, 0.0, -1e8], [0.7, 0.7, 0.7, 0.7]], jnp.float32)
    assert all(np.isfinite(result).all() for result in group_case.run(logp, old_logp, scores))
