"""Statistics over seeds, against loops, exhaustive resampling and closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from tpo_runs import CellResult
from tpo_runs._results import (
    Interval,
    final_error,
    grid_axes,
    group_by_point,
    has_failed,
    interval_band,
    mean_curve,
    mean_interval,
    paired_comparison,
    recorded_curves,
    relapses,
    share_interval,
    standard_error,
    standard_error_band,
    steps_to_threshold,
    steps_to_threshold_interval,
    summarize,
)

NONE = Interval(math.nan, math.nan)


def cell(error, seeds=None, method="TPO", point=None, **metrics):
    error = np.asarray(error, dtype=float)
    seeds = np.arange(len(error)) if seeds is None else np.asarray(seeds)
    return CellResult(method, point or {}, {}, seeds, {"error": error, **metrics}, {})


# --- results ---


@pytest.mark.parametrize(
    ("steps", "fraction", "last"),
    [(2000, 0.01, 20), (50, 0.01, 1), (150, 0.01, 2), (10, 0.0, 1), (10, 1.0, 10)],
)
def test_final_error_is_the_mean_of_the_last_share_of_steps_and_of_one_at_least(steps, fraction, last):
    error = np.random.default_rng(0).random((3, steps))
    expected = [sum(row[steps - last :]) / last for row in error]
    np.testing.assert_allclose(final_error(cell(error), fraction=fraction), expected)


def test_final_error_of_a_metric_that_is_recorded_now_and_then_counts_recorded_steps():
    test_error = np.full((1, 1000), np.nan)
    test_error[0, 199::200] = [0.5, 0.4, 0.3, 0.2, 0.1]
    result = cell(np.ones((1, 1000)), test_error=test_error)
    assert final_error(result, metric="test_error").tolist() == [0.1]
    assert final_error(result, metric="test_error", fraction=0.4).tolist() == [pytest.approx(0.15)]


def test_a_lost_seed_has_no_final_error_and_counts_as_failed():
    final = final_error(cell([[0.5, 0.0], [0.5, np.nan]]))
    assert final[0] == 0.0
    assert np.isnan(final[1])
    assert has_failed(final).tolist() == [False, True]
    assert math.isnan(summarize(final).mean)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": {"loss": np.ones((2, 3))}}, "must contain 'error'"),
        ({"seeds": np.array([1, 1])}, "seeds must be distinct"),
        ({"metrics": {"error": np.ones((2, 3)), "x": np.ones((3, 3))}}, "metric 'x' must be"),
        ({"metrics": {"error": np.ones((2, 0))}}, "at least"),
        ({"metrics": {"error": np.ones((2, 3)), "x": np.ones((2, 4))}}, "metric 'x' must be"),
    ],
)
def test_a_cell_refuses_arrays_that_do_not_fit(arguments, message):
    facts = {"seeds": np.arange(2), "metrics": {"error": np.ones((2, 3))}} | arguments
    with pytest.raises(ValueError, match=message):
        CellResult(method="TPO", point={}, spec={}, provenance={}, **facts)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: final_error(c, fraction=2.0), "fraction must be"),
        (lambda c: final_error(c, metric="loss"), "has no metric 'loss'; it has error, nothing"),
    ],
)
def test_final_error_refuses_what_it_cannot_read(call, message):
    with pytest.raises(ValueError, match=message):
        call(cell([[0.5]], nothing=np.array([[np.nan]])))


def test_without_any_value_every_seed_ends_as_nan():
    lost = cell(np.full((3, 4), np.nan))
    np.testing.assert_array_equal(final_error(lost, fraction=0.5), np.full(3, np.nan))


def test_points_come_in_grid_order_and_methods_in_reading_order():
    results = [
        cell([[0.0]], method=method, point={"task.horizon": h, "task.reward": r, "task.kind": "tokens"})
        for h in (10, 9)
        for r in ("terminal", "bag_of_tokens")
        for method in ("DG", "mine", "TPO")
    ]
    assert grid_axes(results) == ["task.horizon", "task.reward"]
    groups = group_by_point(results)
    assert [tuple(point.values()) for point, _ in groups] == [
        (9, "terminal"),
        (9, "bag_of_tokens"),
        (10, "terminal"),
        (10, "bag_of_tokens"),
    ]
    assert all([c.method for c in cells] == ["TPO", "DG", "mine"] for _, cells in groups)


# --- one number per seed ---


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 20, 30])
def test_mean_standard_error_and_interquartile_mean(count):
    values = np.random.default_rng(count).random(count)
    summary = summarize(values)
    mean = sum(values) / count
    variance = sum((v - mean) ** 2 for v in values) / (count - 1)
    cut = count // 4
    middle = sorted(values)[cut : count - cut]
    assert summary.seeds == count
    assert summary.mean == pytest.approx(mean)
    assert summary.standard_error == pytest.approx(math.sqrt(variance / count))
    assert summary.iqm == pytest.approx(sum(middle) / len(middle))
    assert summary.interval.low <= summary.mean <= summary.interval.high


def test_the_interval_of_a_metric_without_bounds_is_students():
    values = np.random.default_rng(3).normal(size=7)
    expected = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    np.testing.assert_allclose(mean_interval(values, None), expected)
    np.testing.assert_allclose(mean_interval(10 + values), np.add(expected, 10))  # nor is 10 an error
    further = stats.t.interval(
        0.95, 6, loc=values.mean(), scale=values.std(ddof=1) * math.sqrt(1 / 7 + 1 / 20)
    )
    np.testing.assert_allclose(mean_interval(values, None, future=20), further)


def test_the_interval_of_many_values_within_bounds_is_close_to_students():
    values = np.random.default_rng(3).uniform(size=2000)
    np.testing.assert_allclose(mean_interval(values), mean_interval(values, None), atol=2e-3)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 10, 20])
def test_the_interval_of_seeds_that_solve_or_fail_is_that_of_clopper_and_pearson(count):
    for failed in range(count + 1):
        values = np.repeat([0.0, 1.0], [count - failed, failed])
        np.testing.assert_allclose(mean_interval(values), share_interval(failed, count), atol=8e-3)


@pytest.mark.parametrize(("failed", "count"), [(0, 4), (1, 4), (3, 10), (10, 10)])
def test_the_interval_of_a_share_leaves_a_fortieth_on_each_side(failed, count):
    low, high = share_interval(failed, count)
    if failed > 0:
        assert stats.binom.sf(failed - 1, count, low) == pytest.approx(0.025)
    if failed < count:
        assert stats.binom.cdf(failed, count, high) == pytest.approx(0.025)


def test_the_interval_is_wider_at_higher_confidence_and_does_not_depend_on_the_order():
    values = np.random.default_rng(0).random(12)
    narrow, wide = (mean_interval(values, confidence=c) for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high
    assert mean_interval(values) == mean_interval(values[::-1].copy())


@pytest.mark.parametrize("count", [2, 4, 10])
@pytest.mark.parametrize("value", [0.0, 0.1, 1.0])
def test_equal_values_leave_room_for_seeds_that_were_not_seen(value, count):
    low, high = mean_interval(np.full(count, value))
    rare = 1 - 0.025 ** (1 / count)  # a kind of seed as rare as that is missed by 2.5% of runs
    assert low == pytest.approx(value * (1 - rare), abs=2e-3)
    assert high == pytest.approx(value + (1 - value) * rare, abs=2e-3)


def test_equal_values_without_bounds_have_no_interval():
    np.testing.assert_equal(mean_interval(np.full(20, 0.1), None), NONE)


@pytest.mark.parametrize("bounds", [None, (0.0, 1.0)])
@pytest.mark.parametrize("values", [[0.3], [0.1, np.nan, 0.2]])
def test_one_value_or_a_missing_one_leaves_no_interval(values, bounds):
    np.testing.assert_equal(mean_interval(np.array(values), bounds), NONE)


def test_one_seed_has_no_standard_error():
    assert math.isnan(standard_error(np.array([0.4])))
    assert summarize(np.array([0.4])).mean == 0.4


def test_only_seeds_strictly_above_one_half_have_failed():
    assert has_failed(np.array([0.0, 0.5, 0.51, 1.0])).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ([1.0, 0.0, 0.6], True),
        ([1.0, 0.0, 0.5], False),  # not above the level
        ([1.0, 0.01, 0.6], False),  # never below the other
        ([1.0, 0.9, 0.0], False),  # high only before it was solved
        ([0.0, 0.6, 0.0], True),  # and solved again
    ],
)
def test_a_relapse_is_a_high_error_after_a_solved_one(error, expected):
    assert relapses(np.array([error, [1.0, 1.0, 0.0]])).tolist() == [expected, False]


# --- pairs ---


@pytest.mark.parametrize("count", [2, 5, 8])
def test_paired_p_value_counts_all_sign_flips(count):
    a, b = np.random.default_rng(count).random((2, count, 1))
    difference = (a - b)[:, 0]
    flips = np.array([np.mean(difference * s) for s in itertools.product([1, -1], repeat=count)])
    one_sided = [np.mean(flips <= difference.mean() + 1e-12), np.mean(flips >= difference.mean() - 1e-12)]
    pair = paired_comparison(cell(a), cell(b, method="DG"))
    assert pair.seeds == count
    assert pair.difference == pytest.approx(difference.mean())
    assert pair.p_value == pytest.approx(min(1.0, 2 * min(one_sided)))
    assert pair.interval == mean_interval(difference, (-1.0, 1.0))


def test_pairs_are_made_by_seed_and_not_by_position():
    first = cell([[0.1], [0.2], [0.3]], seeds=[5, 6, 7])
    second = cell([[0.9], [0.3], [0.2], [0.1]], seeds=[1, 7, 6, 5], method="DG")
    pair = paired_comparison(first, second)
    assert (pair.seeds, pair.difference, pair.p_value) == (3, 0.0, 1.0)
    low, high = pair.interval
    assert -low == pytest.approx(high, abs=2e-3)
    assert high == pytest.approx(1 - 0.025 ** (1 / 3), abs=2e-3)


def test_one_shared_seed_has_a_difference_but_no_p_value():
    pair = paired_comparison(cell([[0.1]]), cell([[0.3], [0.5]], method="DG"))
    assert pair.difference == pytest.approx(-0.2)
    assert math.isnan(pair.p_value)
    np.testing.assert_equal(pair.interval, NONE)


def test_methods_without_a_shared_seed_are_not_compared():
    assert paired_comparison(cell([[0.1]], seeds=[0]), cell([[0.3]], seeds=[1], method="DG")) is None


# --- curves ---


@pytest.mark.parametrize("threshold", [0.01, 0.2, 0.5])
def test_steps_to_threshold_is_the_first_step_below(threshold):
    for seed in range(20):
        error = np.random.default_rng(seed).random((4, 30))
        means = [sum(column) / 4 for column in error.T]
        below = [t for t, mean in enumerate(means) if mean < threshold]
        assert steps_to_threshold(error, threshold) == (below[0] if below else math.inf)


def test_a_mean_equal_to_the_threshold_is_not_below_it():
    assert steps_to_threshold(np.array([[0.5, 0.25, 0.0]]), 0.25) == 2


def test_steps_to_threshold_skips_steps_without_a_value():
    error = np.array([[np.nan, 0.3, np.nan, 0.1], [0.0, 0.5, 0.0, 0.1]])
    assert steps_to_threshold(error, 0.2) == 3


def test_the_interval_of_steps_starts_where_a_share_of_solved_seeds_would_do():
    # Of ten seeds that are solved one after the other, and a further one that always is.
    error = np.ones((10, 60))
    for seed, row in enumerate(error):
        row[4 * seed :] = 0.0
    low, high = steps_to_threshold_interval(error, 0.32)
    # Below 0.32 when the weight of those not yet solved is: Beta(left, 11 - left).
    shares = [stats.beta.cdf(0.32, 10 - solved, 1 + solved) for solved in range(1, 10)]
    assert low == 4 * next(i for i, share in enumerate(shares) if share >= 0.025)
    assert high == 36


@pytest.mark.parametrize(("count", "last"), [(366, math.inf), (372, 20)])
def test_fewer_than_367_seeds_cannot_say_that_a_mean_is_below_1_percent(count, last):
    error = np.ones((count, 50))
    error[:, 20:] = 0.0
    low, high = steps_to_threshold_interval(error, draws=20_000)
    assert (low, high) == (20, last)


def test_the_interval_of_steps_is_infinite_where_nothing_gets_below():
    assert steps_to_threshold_interval(np.ones((10, 50)), 0.05) == (math.inf, math.inf)


def test_the_interval_of_steps_skips_steps_without_a_value():
    error = np.full((10, 50), np.nan)
    error[:, 9::10] = [1.0, 1.0, 0.0, 0.0, 0.0]
    assert steps_to_threshold_interval(error, 0.5) == (29, 29)


def test_interval_of_steps_does_not_depend_on_the_block_size(monkeypatch):
    error = np.random.default_rng(0).random((5, 100)) * np.linspace(1, 0, 100)
    whole = steps_to_threshold_interval(error, 0.2)
    monkeypatch.setattr("tpo_runs._results.crossings._BLOCK", 700)
    assert steps_to_threshold_interval(error, 0.2) == whole


def test_one_seed_leaves_steps_without_an_interval():
    np.testing.assert_equal(steps_to_threshold_interval(np.ones((1, 4))), NONE)


def test_a_band_is_students_interval_at_each_step():
    curves = np.random.default_rng(1).normal(size=(4, 6))
    expected = stats.t.interval(0.95, 3, loc=curves.mean(axis=0), scale=stats.sem(curves))
    np.testing.assert_allclose(interval_band(curves), expected)


def test_the_band_of_errors_stays_between_0_and_1_and_has_gaps_where_seeds_are_equal():
    low, high = interval_band(np.array([[0.0, 0.3, 0.4], [1.0, 0.3, 0.5]]))
    np.testing.assert_array_equal(low, [0.0, np.nan, 0.0])
    np.testing.assert_allclose(high, [1.0, np.nan, 1.0])


def test_bands_leave_missing_values_out():
    known = np.random.default_rng(1).random((6, 1))
    holes = np.concatenate([known, np.full((3, 1), np.nan)])
    assert mean_curve(holes)[0] == pytest.approx(known.mean())
    np.testing.assert_allclose(standard_error_band(holes), standard_error_band(known))
    np.testing.assert_allclose(interval_band(holes), interval_band(known))


def test_standard_error_band_is_one_standard_error_around_the_mean():
    curves = np.random.default_rng(1).random((5, 3))
    low, high = standard_error_band(curves)
    np.testing.assert_allclose((low + high) / 2, curves.mean(axis=0))
    np.testing.assert_allclose((high - low) / 2, [standard_error(column) for column in curves.T])


@pytest.mark.parametrize("band", [interval_band, standard_error_band])
def test_one_seed_has_no_band(band):
    assert np.isnan(band(np.ones((1, 3)))).all()


def test_recorded_curves_keep_only_steps_with_values():
    values = np.array([[np.nan, 1.0, np.nan, np.nan], [np.nan, 2.0, np.nan, 3.0]])
    steps, curves = recorded_curves(values, smooth=1, max_points=10)
    assert steps.tolist() == [1, 3]
    np.testing.assert_equal(curves, [[1.0, np.nan], [2.0, 3.0]])


@pytest.mark.parametrize("window", [1, 3, 10, 50])
def test_running_mean_is_over_the_last_values_that_are_known(window):
    values = np.random.default_rng(0).random((2, 20))
    values[0, 7] = np.nan
    _, curves = recorded_curves(values, smooth=window, max_points=100)
    expected = [[np.nanmean(row[max(0, t + 1 - window) : t + 1]) for t in range(20)] for row in values[1:]]
    np.testing.assert_allclose(curves[1:], expected)
    if window > 1:
        assert curves[0, 7] == pytest.approx(np.nanmean(values[0, max(0, 8 - window) : 8]))


@pytest.mark.parametrize(("length", "points"), [(10, 10), (11, 10), (1000, 7), (5, 2)])
def test_thinned_curves_are_evenly_spaced_and_keep_the_last_step(length, points):
    steps, curves = recorded_curves(np.arange(length, dtype=float)[None], smooth=1, max_points=points)
    assert len(steps) <= points
    assert steps[-1] == length - 1
    assert len(set(np.diff(steps))) <= 1
    np.testing.assert_array_equal(curves[0], steps)
