"""The order of methods over the points of a grid: areas, intervals, improvements, profiles, and `rank`."""

import dataclasses
import itertools

import numpy as np
import pytest
from scipy import stats

from tpo_runs import CellResult
from tpo_runs._cli import main
from tpo_runs._figures import FIGURES
from tpo_runs._results import (
    area,
    areas,
    at_point,
    improvements,
    point_tables,
    profile,
    ranking_table,
    standings,
    standings_at_point,
)


def cell(method, errors, **point):
    errors = np.asarray(errors, float)
    return CellResult(method, point, {}, np.arange(len(errors)), {"error": errors}, {})


@pytest.fixture(scope="module")
def cells():
    """Three methods at two points: "good" is clearly better than "bad", and "same" is as good as "good"."""
    random = np.random.default_rng(1)
    levels = {"good": (0.2, 0.4), "same": (0.21, 0.39), "bad": (0.6, 0.8)}
    return [
        cell(method, np.clip(level + 0.05 * random.normal(size=(10, 8)), 0, 1), task=task)
        for task, place in (("one", 0), ("two", 1))
        for method, at in levels.items()
        for level in [at[place]]
    ]


def test_the_area_is_the_mean_error_over_steps_and_a_diverged_seed_errs_from_then_on():
    errors = np.array([[1.0, 0.5, 0.0], [0.5, np.nan, np.nan]])
    diverged = dataclasses.replace(cell("TPO", errors), metrics={"error": errors, "loss": errors})
    np.testing.assert_allclose(area(diverged), [0.5, 2.5 / 3])
    # Steps at which a measure was not taken are no steps.
    np.testing.assert_allclose(area(cell("TPO", [[0.5, np.nan, 0.1]])), [0.3])


def test_methods_are_compared_over_the_points_that_all_have(cells):
    of_methods = areas([*cells, cell("part", np.zeros((10, 8)), task="one")])
    assert list(of_methods) == ["good", "same", "bad"]
    assert [len(each) for each in of_methods.values()] == [2, 2, 2]


def test_the_order_is_that_of_interquartile_means(cells):
    of_methods = areas(cells)
    for standing in standings(of_methods):
        values = np.concatenate(of_methods[standing.method])
        assert standing.area == pytest.approx(stats.trim_mean(values, 0.25))
        assert standing.interval.low < standing.area < standing.interval.high


def test_overlapping_intervals_are_not_ranked(cells):
    ranks = {standing.method: standing.rank for standing in standings(areas(cells))}
    assert ranks == {"good": (1, 2), "same": (1, 2), "bad": (3, 3)}
    # A single seed has no interval, so it may have any rank.
    lone = [cell("a", [[0.1]]), cell("b", [[0.9], [0.8]]), cell("c", [[0.2], [0.21]])]
    ranks = {standing.method: standing.rank for standing in standings_at_point(lone)}
    assert ranks["a"] == (1, 3)


def test_the_bootstrap_resamples_the_seeds_of_each_point():
    # All seeds of a point are equal: whatever is drawn, each point has its share.
    equal = [cell("TPO", np.full((4, 2), level), task=i) for i, level in enumerate((0.1, 0.9))]
    (standing,) = standings(areas(equal))
    assert standing.interval == pytest.approx((standing.area, standing.area))


def test_the_bootstrap_covers_the_mean_of_the_population():
    random, covered, runs = np.random.default_rng(0), 0, 200
    for _ in range(runs):
        seeds = random.uniform(0, 1, size=(3, 10, 1))
        (standing,) = standings(areas([cell("TPO", seeds[i], task=i) for i in range(3)]))
        covered += standing.interval.low <= 0.5 <= standing.interval.high
    assert covered / runs > 0.88


def test_the_probability_of_improvement_is_that_of_mann_and_whitney(cells):
    of_methods = areas(cells)
    for found in improvements(of_methods, "good"):
        shares = [
            stats.mannwhitneyu(b, a).statistic / (len(a) * len(b))
            for a, b in zip(of_methods[found.method], of_methods["good"], strict=True)
        ]
        assert found.probability == pytest.approx(np.mean(shares))
        assert found.interval.low <= found.probability <= found.interval.high


def test_differences_are_paired_by_seed_and_tested_by_all_flips_of_signs():
    random = np.random.default_rng(3)
    first, second = random.uniform(size=(2, 2, 4))
    pairs = [cell(n, v[i][:, None], task=i) for n, v in (("a", first), ("b", second)) for i in (0, 1)]
    (found,) = improvements(areas(pairs), "b")
    parts = ((first - second) / 4 / 2).reshape(-1)
    assert found.difference == pytest.approx(parts.sum())
    sums = [abs(np.dot(signs, parts)) for signs in itertools.product((-1, 1), repeat=8)]
    assert found.p_value == pytest.approx(np.mean(np.array(sums) >= abs(parts.sum()) - 1e-12), abs=0.01)


def test_p_values_are_corrected_for_the_number_of_methods():
    random = np.random.default_rng(5)
    base = random.uniform(0.4, 0.6, size=(12, 1))
    names = {"reference": 0.0, "near": 0.01, "far": 0.05}
    made = [cell(name, base + gap * random.uniform(0, 1, (12, 1))) for name, gap in names.items()]
    both = {found.method: found.p_value for found in improvements(areas(made), "reference")}
    (near,) = improvements(areas([made[0], made[1]]), "reference")
    (far,) = improvements(areas([made[0], made[2]]), "reference")
    low, high = sorted([near.p_value, far.p_value])
    assert sorted(both.values()) == pytest.approx([2 * low, max(2 * low, high)])


def test_the_profile_is_the_share_of_runs_below_each_threshold():
    values = [np.array([0.1, 0.2, 0.9]), np.array([0.3])]
    shares, (low, high) = profile(values, np.array([0.15, 0.5, 0.95]))
    np.testing.assert_allclose(shares, [(1 / 3 + 0) / 2, (2 / 3 + 1) / 2, 1])
    assert (low <= shares).all()
    assert (shares <= high).all()


def test_the_table_names_ranks_and_methods_without_all_points(cells):
    part = cell("part", np.zeros((10, 8)), task="one")
    table = ranking_table([*cells, part], reference="good")
    places = {row[1]: row[0] for row in table.rows}
    assert places == {"good": "1–2", "same": "1–2", "bad": "3"}
    assert "Not trained at all points: part." in table.notes
    heads = dict(zip(table.columns, next(row for row in table.rows if row[1] == "bad"), strict=False))
    assert heads["less than good"] == "0.00"
    assert next(row[1] for row in point_tables([*cells, part])[0].rows) == "part"


def test_differences_need_the_same_seeds(cells):
    moved = [
        dataclasses.replace(each, seeds=each.seeds + 1)
        if (each.method, each.point["task"]) == ("bad", "two")
        else each
        for each in cells
    ]
    with pytest.raises(ValueError, match=r"'bad' has the seeds \[1, .* at task = two, but 'good' has \[0, "):
        ranking_table(moved, reference="good")
    assert ranking_table(moved).rows


def test_a_probe_that_some_points_lack_is_averaged_over_the_others(cells):
    with_probe = [
        dataclasses.replace(each, metrics={**each.metrics, "pass_at_8": np.full((10, 8), 0.25)})
        if each.point["task"] == "one"
        else each
        for each in cells
    ]
    table = ranking_table(with_probe)
    assert [row[table.columns.index("pass@8")] for row in table.rows] == ["0.25"] * 3


def test_cells_of_a_point_are_selected_by_value(cells):
    assert {each.point["task"] for each in at_point(cells, {"task": "two"})} == {"two"}
    with pytest.raises(ValueError, match="'tusk' is not an axis of the grid; did you mean 'task'"):
        at_point(cells, {"tusk": "two"})
    with pytest.raises(ValueError, match="no cell has task = three"):
        at_point(cells, {"task": "three"})


def test_the_ranking_figure_has_a_line_per_method_in_order(cells):
    groups = [{"name": "left", "methods": ["good"]}, {"name": "right", "methods": ["bad"]}]
    figure = FIGURES["ranking"](cells, groups=groups)
    (axes,) = figure.axes
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == [standing.method for standing in standings(areas(cells))]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["left", "right", "others"]
    beside = FIGURES["ranking"](cells, at={"task": "one"}, beside={"task": "two"})
    hollow = [line for line in beside.axes[0].lines if line.get_fillstyle() == "none"]
    assert len(hollow) == 3


def test_the_profile_figure_ends_at_all_runs(cells):
    (axes,) = FIGURES["performance_profile"](cells, at={"task": "one"}).axes
    assert len(axes.lines) == 3
    for line in axes.lines:
        assert line.get_ydata()[-1] == 1
        assert (np.diff(line.get_ydata()) >= 0).all()


def test_the_command_ranks_runs_and_summaries_together(tmp_path, capsys, unrendered):
    from test_tuning import CONFIG

    from tpo_runs import run_config

    config = {
        **CONFIG,
        "tune": {},
        "method": [{k: v for k, v in m.items() if k != "tune"} for m in CONFIG["method"]],
    }
    run_config(config, tmp_path / "out", quiet=True)
    assert main(["summarize", str(tmp_path / "out"), "--to", str(tmp_path / "all.json")]) == 0
    capsys.readouterr()
    for source in (tmp_path / "out", tmp_path / "all.json"):
        assert main(["rank", str(source), "--against", "TPO", "--points", "--markdown"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "**Order of methods over 2 points**"
        assert "**contexts = 4**" in lines
    assert main(["rank", str(tmp_path / "out"), str(tmp_path / "all.json"), "--at", "task.contexts=4"]) == 0
    assert main(["rank", str(tmp_path / "out"), "--at", "task.contexts=5"]) == 2
    assert "no cell has contexts = 5" in capsys.readouterr().err
    assert main(["rank", str(tmp_path / "out"), "--against", "TP"]) == 2
    assert "did you mean 'TPO'?" in capsys.readouterr().err
