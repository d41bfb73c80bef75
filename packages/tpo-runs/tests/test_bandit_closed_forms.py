"""The updates that come out of the trainer against the paper's closed forms, written out here in NumPy.

Source of the formulas: arXiv 2604.06159, appendices B (update weights) and C (expected updates).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

ARMS = 10
GRID = np.array([0.01, 0.1, 0.3, 0.5, 0.9, 0.99])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def tpo_weight(p):
    lift = np.exp(ARMS / np.sqrt(ARMS - 1))
    return p * (lift - 1) / (1 - p + lift * p)


# Appendix B: the exact update of a context is beta(p) (e_y - pi).
UPDATE_WEIGHTS = {
    "CE": lambda p: np.ones_like(p),
    "PG": lambda p: p,
    "DG": lambda p: p * sigmoid(-np.log(p)),
    "GRPO": lambda p: np.sqrt(p / (1 - p + 1e-8)),
    "TPO": tpo_weight,
}


def policies(grid, seed=0):
    """One row for each probability of the right arm 0, the rest shared unevenly by the others."""
    wrong = np.random.default_rng(seed).dirichlet(np.ones(ARMS - 1), size=len(grid))
    return np.concatenate([grid[:, None], (1 - grid[:, None]) * wrong], axis=1).astype(np.float32)


def exact_methods():
    from tpo_objectives import cross_entropy, dg, reinforce, tpo
    from tpo_runs._learn import ExactGroup, ExactSamples, bandit_baseline, expected_zscore

    none = bandit_baseline("none")

    return {
        "CE": (cross_entropy, lambda task: ExactGroup(task, "all")),
        "PG": (reinforce, lambda task: ExactSamples(task, "all", none)),
        "DG": (dg, lambda task: ExactSamples(task, "all", none)),
        "GRPO": (reinforce, lambda task: ExactSamples(task, "all", expected_zscore)),
        "TPO": (tpo, lambda task: ExactGroup(task, "all")),
    }


def step_of(objective, rollout, probs, key):
    """What one episode of the trainer, with plain gradient descent at rate 1, adds to a table of logits."""
    from tpo_models import LogitTable
    from tpo_runs import Trainer

    table = LogitTable(contexts=len(probs), actions=ARMS, key=jax.random.key(0))
    table = eqx.tree_at(lambda table: table.logits, table, jnp.log(probs))
    trainer = Trainer(rollout=rollout, objective=objective, optimizer=optax.sgd(1.0), epochs=1)
    state, metrics = eqx.filter_jit(trainer.episode)(trainer.start(table, key), key, jnp.int32(0))
    return np.asarray(state.policy.logits - table.logits), metrics


@pytest.mark.parametrize("method", UPDATE_WEIGHTS)
def test_exact_updates_are_the_closed_forms_of_appendix_b(method):
    from tpo_envs import ContextTable

    objective, make_rollout = exact_methods()[method]
    probs = policies(GRID)
    step, metrics = step_of(objective, make_rollout(ContextTable(len(GRID), ARMS)), probs, jax.random.key(0))
    expected = UPDATE_WEIGHTS[method](GRID)[:, None] * (np.eye(ARMS)[0] - probs)
    # The step is a difference of logits of up to 10 in float32, times the number of contexts.
    np.testing.assert_allclose(len(GRID) * step, expected, rtol=2e-4, atol=1e-5)
    assert float(metrics["error"]) == pytest.approx(1 - GRID.mean(), abs=1e-6)


@pytest.mark.parametrize(("method", "published"), [("TPO", 0.73), ("DG", 0.09), ("GRPO", 0.33)])
def test_update_weights_at_one_tenth_are_the_published_ones(method, published):
    from tpo_envs import ContextTable

    objective, make_rollout = exact_methods()[method]
    probs = policies(np.array([0.1]))
    step, _ = step_of(objective, make_rollout(ContextTable(1, ARMS)), probs, jax.random.key(0))
    assert step[0, 0] / (1 - 0.1) == pytest.approx(published, abs=0.005)


# --- one sampled action: expectations of appendix C ---


def pg(pi, y):
    return pi[y] * (np.eye(ARMS)[y] - pi)


def group_pg(pi, y):
    return 6 * pi[y] * (np.eye(ARMS)[y] - pi)


def dg(pi, y):
    b, s, e = np.sum(pi**2), -np.log(pi), np.eye(ARMS)
    success = pi[y] * (1 - b) * sigmoid((1 - b) * s[y]) * (e[y] - pi)
    failures = [pi[j] * sigmoid(-b * s[j]) * (e[j] - pi) for j in range(ARMS) if j != y]
    return success - b * np.sum(failures, axis=0)


def plus(p):
    lift = np.exp(10 / 3)
    return p * (lift - 1) / (1 - p + lift * p)


def minus(r):
    lift = np.exp(10 / 3)
    return r * (lift - 1) / (lift * (1 - r) + r)


def tpo(pi, y):
    e = np.eye(ARMS)
    failures = [pi[j] * minus(pi[j]) * (pi - e[j]) for j in range(ARMS) if j != y]
    return pi[y] * plus(pi[y]) * (e[y] - pi) + np.sum(failures, axis=0)


def dg_surrogate(p):
    q = (1 - p) / 9
    b = p**2 + 9 * q**2
    return p * (1 - b) * sigmoid((1 - b) * np.log(1 / p)) + p * b * sigmoid(-b * np.log(1 / q))


# The expected update, and the weight of its symmetric surrogate. For PG there is no baseline term: it has
# mean 0, and in Group PG success and failure count 3 and -3.
EXPECTED = {
    "PG": (pg, lambda p: p),
    "Group PG": (group_pg, lambda p: 6 * p),
    "DG": (dg, dg_surrogate),
    "TPO": (tpo, lambda p: p * plus(p) + p * minus((1 - p) / 9)),
}


def sampling_methods():
    import tpo_objectives
    from tpo_runs._learn import AllActions, SampledActions, expected, standardized_one_hot

    return {
        "PG": (tpo_objectives.reinforce, lambda task, n: SampledActions(task, "all", n, expected)),
        "Group PG": (
            tpo_objectives.reinforce,
            lambda task, n: SampledActions(task, "all", n, standardized_one_hot),
        ),
        "DG": (tpo_objectives.dg, lambda task, n: SampledActions(task, "all", n, expected)),
        "TPO": (tpo_objectives.tpo, lambda task, n: AllActions(task, "all", n, expected)),
    }


def surplus_of(method):
    from tpo_envs import ContextTable
    from tpo_runs._config import CONCENTRATION_EDGES
    from tpo_runs._learn import Surplus

    objective, make_rollout = sampling_methods()[method]
    task = ContextTable(1, ARMS)
    return Surplus(task, make_rollout(task, 1), objective, CONCENTRATION_EDGES)


LABELS = np.array([0, 3, 9, 0, 5, 1])


@pytest.mark.parametrize("method", EXPECTED)
def test_expected_updates_are_the_closed_forms_of_appendix_c(method):
    probs, right = policies(GRID, seed=1), np.eye(ARMS, dtype=np.float32)[LABELS]
    found = eqx.filter_jit(surplus_of(method).expected_update)(jnp.log(probs), jnp.asarray(right))
    closed = [EXPECTED[method][0](pi.astype(np.float64), y) for pi, y in zip(probs, LABELS, strict=True)]
    np.testing.assert_allclose(found, closed, rtol=2e-4, atol=3e-6)


@pytest.mark.parametrize("method", EXPECTED)
def test_surplus_is_the_gain_beyond_the_symmetric_surrogate(method):
    update, weight = EXPECTED[method]
    probs, right = policies(GRID, seed=1), np.eye(ARMS, dtype=np.float32)[LABELS]
    found = eqx.filter_jit(surplus_of(method).of)(jnp.log(probs), jnp.asarray(right))
    closed = []
    for pi, y in zip(probs.astype(np.float64), LABELS, strict=True):
        direction = np.eye(ARMS)[y] - pi
        closed.append(pi[y] * direction @ update(pi, y) - pi[y] * weight(pi[y]) * direction @ direction)
    np.testing.assert_allclose(found, closed, rtol=2e-3, atol=2e-6)
    if method in ("PG", "Group PG"):
        assert np.abs(found).max() < 1e-6
    else:
        assert np.abs(found).max() > 5e-4


def test_standardized_one_hot_is_the_sampled_coordinate_of_the_standardized_scores():
    from tpo_objectives import standardize
    from tpo_runs._learn import expected, standardized_one_hot

    probs, actions = jnp.asarray(policies(GRID)), np.array([0, 0, 4, 0, 2, 9])
    rewards = jnp.asarray((actions == 0).astype(np.float32))[:, None]
    scores = expected(rewards, probs) * np.eye(ARMS, dtype=np.float32)[actions]
    sampled = np.take_along_axis(np.asarray(standardize(scores)), actions[:, None], axis=1)
    np.testing.assert_allclose(standardized_one_hot(rewards, probs), sampled, rtol=1e-4)
    np.testing.assert_allclose(np.abs(sampled), 3, rtol=1e-4)


@pytest.mark.parametrize("method", EXPECTED)
def test_sampled_updates_have_the_expected_update_as_their_mean(method):
    from tpo_envs import ContextTable
    from tpo_models import LogitTable

    copies = 40_000
    objective, make_rollout = sampling_methods()[method]
    pi = policies(np.array([0.2]))[0]
    rollout = make_rollout(ContextTable(copies, ARMS), 1)
    table = LogitTable(contexts=copies, actions=ARMS, key=jax.random.key(0))
    table = eqx.tree_at(lambda table: table.logits, table, jnp.tile(jnp.log(pi), (copies, 1)))

    @eqx.filter_jit
    def updates(table):
        batch, _ = rollout.draw(table, None, jax.random.key(7))
        loss = lambda table: jnp.sum(objective(rollout.log_probs(table, batch), batch.old_logp, batch.scores))  # noqa: E731
        return -eqx.filter_grad(loss)(table).logits

    found = np.asarray(updates(table), dtype=np.float64)
    closed = EXPECTED[method][0](pi.astype(np.float64), 0)
    error = found.std(axis=0) / np.sqrt(copies)
    # Ten coordinates of four methods: five standard errors are exceeded once in 40,000 such runs.
    np.testing.assert_array_less(np.abs(found.mean(axis=0) - closed), 5 * error + 1e-7)
