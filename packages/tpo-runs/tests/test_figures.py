"""Figures: what is drawn where, that nothing is cut off or overlaps, and that files do not change."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from tpo_runs import CellResult, learning_curves, save_figure
from tpo_runs._figures import FIGURES, METHOD_STYLES, final_errors, probe_curves, sweep
from tpo_runs._results import final_error

METHODS = ("TPO", "GRPO", "PPO", "DG")


def cell(method, point, *, seeds=4, steps=200, task="tokens"):
    """A cell whose seeds either solve the task or stay near an error of 1."""
    rng = np.random.default_rng([len(method), *map(ord, str(point))])
    midpoint = steps * rng.uniform(0.2, 0.6, size=(seeds, 1))
    solved = rng.random((seeds, 1)) < 0.6
    fall = 1 / (1 + np.exp((np.arange(steps) - midpoint) / (0.03 * steps)))
    error = np.where(solved, fall, rng.uniform(0.9, 1.0, (seeds, 1)))
    error[solved[:, 0], -steps // 10 :] = 0.0
    weight = np.where(rng.random(error.shape) < 0.3, np.nan, error)
    metrics = {"error": error, "gradient_norm": error + 0.1, "success_weight": weight}
    return CellResult(
        method,
        point,
        {"task": {"kind": task, **({"vocab_size": 2} if task == "tokens" else {})}},
        np.arange(seeds),
        metrics,
        {},
    )


def cells(grid=None, methods=METHODS, **options):
    grid = grid or {}
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return [cell(method, point, **options) for point in points for method in methods]


TARGETS = ["copy", "flip", "reverse_copy", "reverse_flip"]
GRIDS = {
    "none": {},
    "row": {"task.horizon": [7, 8, 9, 10]},
    "wrapped": {"task.horizon": [6, 7, 8, 9, 10]},
    "two_by_two": {"task.horizon": [7, 8], "task.vocab_size": [2, 4]},
    "four_by_two": {"task.target": TARGETS, "task.reward": ["bag_of_tokens", "sequential"]},
    "three_axes": {"task.horizon": [7, 8], "task.vocab_size": [2, 4], "objective.eta": [0.5, 1.0]},
}
LAYOUTS = {
    "learning_curves": ["none", "wrapped", "two_by_two", "four_by_two", "three_axes"],
    "final_errors": ["none", "wrapped", "four_by_two"],
    "probe_curves": ["none", "two_by_two"],
    "sweep": ["wrapped", "two_by_two"],
    "binned_surplus": ["none", "two_by_two"],
    "ranking": ["none", "two_by_two"],
    "performance_profile": ["none", "two_by_two"],
    "diagnostics": ["none", "two_by_two"],
}
FIGURES_AND_GRIDS = [(name, grid) for name in FIGURES for grid in LAYOUTS[name]]


def with_surplus(result):
    """The cell with a measure taken at every tenth step, and a bin without any value."""
    taken = np.arange(result.steps, 0, -1) % 10 == 1
    bins = {f"surplus_bin_{i}": np.where(taken, (i - 1) * result.metrics["error"], np.nan) for i in range(3)}
    bins["surplus_bin_3"] = np.full_like(result.metrics["error"], np.nan)
    return dataclasses.replace(result, metrics={**result.metrics, **bins})


def draw(name, results, **options):
    if name == "sweep":
        options["axis"] = "task.horizon"
    if name == "binned_surplus":
        options["after"] = 20
        results = [with_surplus(result) for result in results]
    return FIGURES[name](results, **options)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


# --- every figure ---


@pytest.mark.parametrize(("name", "grid"), FIGURES_AND_GRIDS)
def test_no_text_is_cut_off_and_no_titles_overlap(name, grid):
    figure = draw(name, cells(GRIDS[grid], steps=20), title="A title above all panels")
    figure.draw_without_rendering()
    box, width, height = figure.get_tightbbox(), *figure.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0
    headings = [axes.title for axes in panels(figure)] + [
        text for legend in figure.legends for text in legend.texts
    ]
    headings += [legend.get_title() for legend in figure.legends]
    headings += [text for text in figure.texts if text.get_text().startswith("A title")]
    assert [text.get_text() for text in headings].count("A title above all panels") == 1
    boxes = [text.get_window_extent() for text in headings if text.get_text()]
    assert not [pair for pair in itertools.combinations(boxes, 2) if pair[0].overlaps(pair[1])]


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "sweep"])
@pytest.mark.parametrize(
    "options", [{"seeds": 1}, {"steps": 1}, {"seeds": 1, "steps": 1}, {"methods": ["TPO"]}], ids=str
)
def test_small_results_can_be_drawn(name, options):
    draw(name, cells(**options)).draw_without_rendering()


@pytest.mark.parametrize("name", FIGURES)
def test_files_are_complete_and_the_same_each_time(name, tmp_path):
    results = cells({"task.horizon": [7, 8]} if name == "sweep" else {}, steps=20)
    first = save_figure(draw(name, results), tmp_path / "new" / "first.v1")
    second = save_figure(draw(name, results), tmp_path / "new" / "second")
    assert [path.name for path in first] == ["first.v1.png", "first.v1.pdf"]
    for one, other, magic in zip(first, second, [b"\x89PNG", b"%PDF"], strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.read_bytes().startswith(magic)
        assert b"Date" not in one.read_bytes()
    assert len(list((tmp_path / "new").iterdir())) == 4


@pytest.mark.parametrize("ending", [".png", ".pdf"])
def test_an_ending_that_is_given_is_not_written_twice(ending, tmp_path):
    assert save_figure(Figure(), tmp_path / f"figure{ending}") == (
        tmp_path / "figure.png",
        tmp_path / "figure.pdf",
    )


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    (tmp_path / "figure.png").write_bytes(b"old")
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: file.write(b"half") and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_figure(Figure(), tmp_path / "figure")
    assert [path.name for path in tmp_path.iterdir()] == ["figure.png"]
    assert (tmp_path / "figure.png").read_bytes() == b"old"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_refuses_what_it_could_not_tell_apart(name):
    with pytest.raises(ValueError, match="there are no results"):
        draw(name, [])
    with pytest.raises(ValueError, match="two results are named 'TPO'"):
        draw(name, [*cells({"task.horizon": [7, 8]}), cell("TPO", {"task.horizon": 8})])


# --- panels ---


@pytest.mark.parametrize(
    ("grid", "shape"),
    [("none", (1, 1)), ("row", (1, 4)), ("wrapped", (2, 4)), ("two_by_two", (2, 2)), ("four_by_two", (2, 4))],
)
def test_two_axes_span_rows_and_columns_and_one_axis_wraps(grid, shape):
    figure = learning_curves(cells(GRIDS[grid], steps=5), band="none")
    assert panels(figure)[0].get_gridspec().get_geometry() == shape
    assert len(panels(figure)) == math.prod(map(len, GRIDS[grid].values()))


def test_panels_hold_the_cells_that_their_headings_name():
    results = cells(GRIDS["four_by_two"], methods=["TPO"], steps=5)
    figure = learning_curves(results, band="none")
    rows = {}
    for axes in panels(figure):
        row, column = axes.get_subplotspec().rowspan.start, axes.get_subplotspec().colspan.start
        rows[row, column] = axes.lines[0].get_ydata()
    for result in results:
        column = TARGETS.index(result.point["task.target"])
        row = ["bag_of_tokens", "sequential"].index(result.point["task.reward"])
        np.testing.assert_allclose(rows[row, column], result.metrics["error"].mean(axis=0))
    assert [axes.get_title() for axes in panels(figure)[:4]] == [
        f"target = {t.replace('_', ' ')}" for t in TARGETS
    ]
    assert panels(figure)[3].texts[0].get_text() == "reward = bag of tokens"


# --- learning curves ---


def test_lines_are_means_over_seeds_in_the_methods_style():
    results = cells()
    figure = learning_curves(results)
    lines = {line.get_color(): line for line in panels(figure)[0].lines}
    for result in results:
        line = lines[METHOD_STYLES[result.method].color]
        np.testing.assert_allclose(line.get_ydata(), result.metrics["error"].mean(axis=0))
    assert [text.get_text() for text in figure.legends[0].texts] == list(METHODS)
    assert len(panels(figure)[0].collections) == len(METHODS)


def test_the_note_says_what_is_drawn_over_how_many_seeds():
    def note(results, **options):
        return learning_curves(results, **options).get_supxlabel().replace("\n", " ")

    assert note(cells()) == "Line: mean over 4 seeds; band: 95% t interval"
    assert "standard error" in note(cells(), band="standard_error")
    assert note(cells(), band="none") == "Line: mean over 4 seeds"
    assert note(cells(seeds=1)) == "Line: mean over 1 seed"
    assert "4 to 6 seeds" in note([*cells(), cell("CE", {}, seeds=6)])
    assert "thin lines: single seeds" in note(cells(), seeds=True)
    assert "1 episode in 4 drawn" in note(cells(), max_points=50)


def test_axis_labels_follow_the_task_and_state_smoothing():
    def labels(results, **options):
        axes = panels(learning_curves(results, band="none", **options))[0]
        return axes.get_xlabel(), axes.get_ylabel()

    assert labels(cells()) == ("episode", "error (1 − mean reward)")
    assert labels(cells(task="bandit")) == ("step", "error")
    assert labels(cells(), smooth=20)[1].endswith("running mean over 20")


def test_single_seeds_are_drawn_on_request():
    axes = panels(learning_curves(cells(methods=["TPO"]), seeds=True))[0]
    assert len(axes.lines) == 1 + 4


def test_zero_on_a_log_axis_is_drawn_at_the_floor_and_the_tick_says_so():
    error = np.array([[1.0, 0.0], [0.5, 0.001]])
    solved = CellResult("TPO", {}, {}, np.arange(2), {"error": error}, {})
    figure = learning_curves([solved, cell("DG", {})], log_y=True, floor=0.002, seeds=True)
    figure.draw_without_rendering()
    axes = panels(figure)[0]
    ends = [line.get_ydata()[-1] for line in axes.lines if line.get_color() == METHOD_STYLES["TPO"].color]
    assert ends == [0.002] * 3
    assert [label.get_text() for label in axes.get_yticklabels()] == ["≤0.002", "0.01", "0.1", "1"]


def constant(method, low, high, *, steps=10):
    """Two seeds whose errors stay where they are."""
    error = np.tile(np.array([[low], [high]]), (1, steps))
    return CellResult(method, {}, {}, np.arange(2), {"error": error}, {})


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0004, 0.02, ["≤0.001", "0.002", "0.005", "0.01", "0.02"]),
        (0.03, 0.2, ["0.05", "0.1", "0.2"]),
        (0.002, 0.9, ["0.01", "0.1", "1"]),
        (0.5, 0.9, ["0.5", "1"]),
        (0.0, 0.0, ["≤0.001", "0.002", "0.005"]),
    ],
)
def test_a_log_axis_fits_what_is_drawn(low, high, ticks):
    figure = learning_curves([constant("TPO", low, high)], band="none", seeds=True, log_y=True)
    figure.draw_without_rendering()
    axes = panels(figure)[0]
    bottom, top = axes.get_ylim()
    assert bottom < max(low, 0.001) <= max(high, 0.001) < top <= max(1.4 * high, 0.006)
    assert [label.get_text() for label in axes.get_yticklabels()] == ticks


def test_a_binned_curve_has_a_point_in_the_middle_of_each_bin_however_it_is_thinned():
    values = np.repeat(np.linspace(0.9, 0.1, 10), 20)[None]
    binned = CellResult("TPO", {}, {}, np.arange(1), {"error": values}, {}, bin_width=20)
    figure = learning_curves([binned], max_points=30)
    line = panels(figure)[0].lines[0]
    assert line.get_xdata().tolist() == list(range(10, 200, 20))
    np.testing.assert_allclose(line.get_ydata(), np.linspace(0.9, 0.1, 10))
    assert "drawn" not in figure.get_supxlabel()
    thin = panels(learning_curves([binned], max_points=5))[0].lines[0]
    assert thin.get_xdata().tolist() == list(range(30, 200, 40))


def test_a_metric_evaluated_now_and_then_is_drawn_where_it_is_known():
    results = cells(methods=["TPO"], seeds=3, steps=100)
    test_error = np.full((3, 100), np.nan)
    test_error[:, 19::20] = 0.5
    rare = CellResult("TPO", {}, {}, np.arange(3), {**results[0].metrics, "test_error": test_error}, {})
    axes = panels(learning_curves([rare], metric="test_error"))[0]
    assert axes.lines[0].get_xdata().tolist() == [19, 39, 59, 79, 99]
    assert axes.lines[0].get_marker() == "o"
    assert axes.get_ylim()[1] < 0.6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"band": "sd"}, "band must be one of 'interval', 'standard_error', 'none'"),
        ({"floor": 0.0}, "floor must be above 0"),
        ({"smooth": 0}, "smooth must be at least 1"),
        ({"metric": "accuracy"}, "has no metric 'accuracy'"),
    ],
)
def test_learning_curves_refuse_bad_options(options, message):
    # Under type checking, a band that is not one of the literals is refused by its type already.
    with pytest.raises(Exception, match=f"{message}|band"):
        learning_curves(cells(), **options)


# --- final errors, sweeps, probes ---


def dots(axes):
    return [c.get_offsets() for c in axes.collections if isinstance(c, PathCollection)]


@pytest.mark.parametrize("log", [False, True])
def test_every_seed_is_a_dot_of_its_own_at_its_error(log):
    results = cells(seeds=20)
    axes = panels(final_errors(results, log=log))[0]
    for row, (result, offsets) in enumerate(zip(results, dots(axes), strict=True)):
        final = final_error(result)
        np.testing.assert_allclose(offsets[:, 0], np.maximum(final, 1e-3) if log else final)
        assert len({tuple(offset) for offset in offsets.tolist()}) == 20
        assert np.all(np.abs(offsets[:, 1] - row) <= 0.5)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(METHODS)


def test_small_errors_fill_the_axis():
    small = CellResult("TPO", {}, {}, np.arange(3), {"error": np.array([[0.02], [0.03], [0.05]])}, {})
    assert panels(final_errors([small]))[0].get_xlim()[1] == pytest.approx(0.052)


def test_an_interval_beyond_the_axis_ends_in_an_arrow_and_the_note_says_so():
    small, wide = constant("TPO", 0.02, 0.05), constant("TPO", 0.0, 1.0)
    for results, arrows in (([small], 1), ([wide], 0)):
        figure = final_errors(results)
        axes = panels(figure)[0]
        ends = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == ">"]
        assert ends == [axes.get_xlim()[1]] * arrows
        note = figure.get_supxlabel().replace("\n", " ")
        assert ("arrow: it goes on beyond the axis" in note) == bool(arrows)


def test_a_sweep_is_drawn_close_to_its_ticks():
    figure = sweep(cells(GRIDS["row"]), "task.horizon")
    for line in panels(figure)[0].lines:
        assert np.abs(line.get_xdata() - GRIDS["row"]["task.horizon"]).max() < 0.1


def test_a_bar_of_the_surplus_that_is_too_short_to_see_has_the_methods_marker():
    surplus = {f"surplus_bin_{i}": np.full((2, 3), value) for i, value in enumerate((0.0, 0.1, 1e-5, np.nan))}
    result = CellResult("TPO", {}, {}, np.arange(2), {"error": np.ones((2, 3)), **surplus}, {})
    figure = FIGURES["binned_surplus"]([result], after=3)
    (marks,) = dots(panels(figure)[0])
    np.testing.assert_allclose(marks, [[0, 0], [2, 1e-5]])
    assert "Marker: a bar too short to see." in figure.get_supxlabel().replace("\n", " ")


@pytest.mark.parametrize(
    ("values", "ticks"), [([64, 4, 16], [2.0, 4.0, 6.0]), ([30, 4, 16], [4.0, 16.0, 30.0])]
)
def test_a_sweep_has_a_line_per_method_through_its_means_in_order(values, ticks):
    results = cells({"rollout.candidates": values}, methods=["TPO", "GRPO"])
    figure = sweep(results)
    figure.draw_without_rendering()
    axes = panels(figure)[0]
    assert len(axes.lines) == 2
    for line, method in zip(axes.lines, ["TPO", "GRPO"], strict=True):
        ours = sorted((r for r in results if r.method == method), key=lambda r: r.point["rollout.candidates"])
        np.testing.assert_allclose(line.get_ydata(), [final_error(r).mean() for r in ours])
        nearest = [min(ticks, key=lambda tick: abs(tick - x)) for x in line.get_xdata()]
        assert nearest == ticks
    assert [label.get_text() for label in axes.get_xticklabels()] == [str(value) for value in sorted(values)]
    assert sum(map(len, dots(axes))) == 2 * 3 * 4


def test_a_sweep_puts_other_axes_into_panels():
    figure = sweep(cells(GRIDS["two_by_two"]), "task.horizon")
    assert [axes.get_title() for axes in panels(figure)] == ["vocabulary = 2", "vocabulary = 4"]


@pytest.mark.parametrize(
    ("grid", "axis", "message"),
    [
        ("none", None, "numeric axes that vary: none"),
        ("two_by_two", None, "numeric axes that vary: task.horizon, task.vocab_size"),
        ("four_by_two", "task.target", "'task.target' is not a numeric grid axis"),
        ("row", "task.width", "those are: task.horizon"),
    ],
)
def test_a_sweep_needs_one_numeric_axis(grid, axis, message):
    with pytest.raises(ValueError, match=message):
        sweep(cells(GRIDS[grid]), axis)


def test_probes_have_a_column_per_metric_and_a_row_per_point():
    figure = probe_curves(cells(GRIDS["row"], steps=20))
    assert panels(figure)[0].get_gridspec().get_geometry() == (4, 2)
    assert [axes.get_title() for axes in panels(figure)[:2]] == ["gradient norm", "success weight"]
    assert panels(figure)[2].get_ylabel() == "horizon = 8"


def test_probes_average_over_the_seeds_that_have_a_value_and_skip_methods_without_any():
    result = cell("TPO", {}, seeds=3)
    without = CellResult("DG", {}, result.spec, np.arange(3), {"error": result.metrics["error"]}, {})
    axes = panels(probe_curves([result, without], ["success_weight"]))[0]
    assert len(axes.lines) == 1
    steps = axes.lines[0].get_xdata().astype(int)
    np.testing.assert_allclose(
        axes.lines[0].get_ydata(), np.nanmean(result.metrics["success_weight"][:, steps], axis=0)
    )


@pytest.mark.parametrize("names", [[], ["surplus"], ["error", "surplus"]])
def test_probes_that_nobody_has_are_refused(names):
    with pytest.raises(ValueError, match="the metrics are error, gradient_norm, success_weight"):
        probe_curves(cells(), names)
