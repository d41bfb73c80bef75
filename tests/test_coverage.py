"""How often the intervals of tpo-runs hold what they are of, in simulated runs."""

import numpy as np
import pytest
from numbers_page import coverage

from tpo_runs._results import mean_interval

every_distribution = pytest.mark.parametrize(
    ("sample", "mean"), coverage.FINALS.values(), ids=list(coverage.FINALS)
)


@every_distribution
@pytest.mark.parametrize("count", [2, 4, 10])
def test_intervals_of_errors_hold_nominally_for_every_distribution(sample, mean, count):
    # 0.92 is two standard errors of 200 runs below 0.95.
    assert coverage.of_mean(sample, mean, count) >= 0.92
    assert coverage.of_mean(sample, mean, count, future=20) >= 0.92
    assert coverage.of_difference(sample, count) >= 0.92


@pytest.mark.slow
@every_distribution
@pytest.mark.parametrize("count", coverage.SEEDS)
def test_intervals_of_errors_hold_nominally_in_many_runs(sample, mean, count):
    assert coverage.of_mean(sample, mean, count, runs=5000) >= 0.945
    for future in (10, 20):
        assert coverage.of_mean(sample, mean, count, future=future, runs=5000) >= 0.945
    assert coverage.of_difference(sample, count, runs=5000) >= 0.945


@pytest.mark.parametrize("count", coverage.SEEDS)
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_intervals_of_shares_hold_nominally(share, count):
    assert coverage.of_share(share, count) >= 0.95


@pytest.mark.parametrize("count", [2, 10])
@pytest.mark.parametrize("sample", coverage.SOLVED.values(), ids=list(coverage.SOLVED))
def test_intervals_of_steps_hold_nominally(sample, count):
    assert coverage.of_steps(sample, count) >= 0.9


@pytest.mark.parametrize("count", [2, 4, 20])
def test_students_intervals_hold_for_seeds_that_are_alike_and_not_where_few_fail(count):
    assert coverage.of_student(*coverage.FINALS["alike: normal around 30%"], count, runs=2000) >= 0.93
    assert coverage.of_student(*coverage.FINALS["one in ten fails"], count, runs=2000) < 0.93


def test_the_simulated_intervals_are_those_that_are_printed():
    sample, mean = coverage.FINALS["half of them fail"]
    values = sample(np.random.default_rng(0), (50, 4))
    printed = [mean_interval(row) for row in values]
    holding = np.mean([low <= mean <= high for low, high in printed])
    assert coverage.of_mean(sample, mean, 4, runs=50) == pytest.approx(holding, abs=0.021)
