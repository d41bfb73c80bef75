"""Intervals hold the true value as often as they say, and are never without width."""

import itertools

import numpy as np
import pytest

from tpo_envs import Interval, make_numpy, run_suite, score
from tpo_envs._beta import beta_quantile, t_quantile
from tpo_envs._intervals import interval

REPEATS = 250
# Three standard deviations below 95%.
LEAST = 0.95 - 3 * np.sqrt(0.95 * 0.05 / REPEATS)


def coverage(drawn, truth, lowest=0.0):
    """How often the intervals of simulated rewards, each `[seeds, questions]`, hold the true value."""
    held = []
    for values in drawn:
        found = interval(values, lowest)
        assert found.low < found.high
        held.append(found.low <= truth <= found.high)
    return np.mean(held)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize(("chance", "n"), [(0.5, 20), (0.03, 200), (1e-3, 170), (1 - 1e-3, 1000)])
def test_shares_are_covered_by_every_number_of_seeds(chance, n, seeds):
    counts = np.random.default_rng(0).binomial(n, chance, (REPEATS, seeds))
    assert coverage((np.arange(n) < count[:, None] for count in counts), chance) >= LEAST


TASKS = [
    "token-reversal-sequential-h4-v2",
    "noisy-reversal-fp30-fn30-h4-v2",
]


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("task_id", TASKS)
def test_the_uniform_policy_is_covered_where_its_score_is_known_by_enumeration(task_id, seeds):
    task = make_numpy(task_id)
    every = np.array(list(itertools.product(range(task.vocab_size), repeat=task.horizon)))
    paid = np.repeat(every, len(every), axis=0), np.tile(every, (len(every), 1))
    rewards = task.score(*paid)
    drawn = np.random.default_rng(1).choice(rewards, (REPEATS, seeds, 100))
    assert coverage(drawn, rewards.mean()) >= LEAST
    # Every interval of `score` is one of these, moved and stretched.
    found = score(task_id, lambda prompts: task.random_answers(0, len(prompts)), n=100)
    assert found.mean_return == interval(found.by_question[None])
    assert found.exact_match == interval(found.right[None])
    spread = task.optimal_score - task.random_score
    assert found.normalized.low == pytest.approx((found.mean_return.low - task.random_score) / spread)
    assert found.regret.high == pytest.approx(task.optimal_score - found.mean_return.low)


def test_rewards_with_a_gap_are_covered():
    wrong = np.random.default_rng(0).random((REPEATS, 1, 100)) < 0.9
    assert coverage(1 - 0.1 * wrong, 0.91, lowest=0.9) >= LEAST


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("n", [20, 200])
def test_seeds_that_differ_are_covered(seeds, n):
    rng = np.random.default_rng(0)
    chances = rng.uniform(0.3, 0.7, (REPEATS, seeds, 1))
    assert coverage(rng.random((REPEATS, seeds, n)) < chances, 0.5) >= LEAST


def test_the_suite_has_the_intervals_of_questions_and_seeds():
    tasks = ["token-reversal-terminal-h4-v2", "bandit-c100-a10-gap0.1", "token-reversal-bag-h4-v2"]
    held = []
    for first in range(15):
        uniform = lambda task, seed: lambda inputs: task.random_answers(100 * first + seed + 1, len(inputs))  # noqa: B023, E731
        for entry in run_suite(uniform, tasks, seeds=1 + first % 3, n=50)["tasks"].values():
            for measure, truth in (("mean_return", entry["random_score"]), ("normalized", 0.0)):
                held.append(entry[measure]["low"] <= truth <= entry[measure]["high"])
                assert entry[measure]["low"] < entry[measure]["high"]
    assert np.mean(held) >= 0.9
    one = run_suite(uniform, tasks[:1], n=50)["tasks"][tasks[0]]["exact_match"]
    alone = score(tasks[0], uniform(make_numpy(tasks[0]), 0), n=50).exact_match
    assert Interval(one["mean"], one["low"], one["high"]) == alone


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 1000), (3, 100)])
def test_rewards_that_are_all_alike_have_an_interval_with_width(value, shape):
    found = interval(np.full(shape, value))
    assert found.mean == value
    assert 0 <= found.low <= value <= found.high <= 1
    assert 0 < found.high - found.low < (1 if shape == (1, 1) else 0.05)


def test_none_of_a_thousand_is_the_exact_interval():
    found = interval(np.zeros((1, 1000)))
    assert (found.mean, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 1000))


@pytest.mark.parametrize(
    ("p", "a", "b", "scipy"),
    [
        (0.025, 2.5, 997.5, 0.00041624783899512547),
        (0.975, 500.0, 501.0, 0.5304537166614578),
        (0.975, 0.3, 0.9, 0.9422386395729951),
        (0.025, 1e5, 3e5, 0.24865929110881052),
    ],
)
def test_quantiles_of_the_beta_distribution_are_those_of_scipy(p, a, b, scipy):
    assert beta_quantile(p, a, b) == pytest.approx(scipy, rel=1e-9)


@pytest.mark.parametrize(("freedom", "table"), [(1, 12.706), (2, 4.303), (9, 2.262), (100, 1.984)])
def test_students_t_is_that_of_the_tables(freedom, table):
    assert t_quantile(0.95, freedom) == pytest.approx(table, abs=5e-4)
