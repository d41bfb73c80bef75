"""`[tune]`: values that are chosen for each method, on seeds of their own, before the run."""

import json

import numpy as np
import pytest
from small_configs import bandit, method

from tpo_runs import ConfigError, load_config, run_config
from tpo_runs._cli import main
from tpo_runs._config import config_text, widened
from tpo_runs._publish import write_summary

RATE, ETA = "optimizer.learning_rate", "objective.eta"
CONFIG = bandit(
    method(tune={ETA: [1.0, 0.5]}),
    method("CE", "cross_entropy"),
    task={"kind": "context_table", "contexts": 4, "actions": 3},
    optimizer={"kind": "adam", "learning_rate": 0.01},
    schedule={"steps": 10, "seeds": 2},
    grid={"task.contexts": [2, 4]},
    tune={"seeds": 2, "axes": {RATE: [0.003, 0.01, 0.03]}},
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return run_config(CONFIG, tmp_path_factory.mktemp("tuned"), quiet=True)


def cells_of(store):
    return {(c.method, c.point["task.contexts"], c.point["parameters"]): c for c in store.results()}


def candidates_of(store, method, contexts):
    """The mean error of each candidate by eta and learning rate, from the stored rows."""
    means = {}
    for cell in store.tuning.results():
        if (cell.method, cell.point["task.contexts"]) == (method, contexts):
            eta = cell.spec["objective"].get("eta", 1.0)
            rate = cell.spec["optimizer"]["learning_rate"]
            means[eta, rate] = cell.metrics["error"].mean(dtype=np.float64)
    return means


@pytest.mark.parametrize("method", ["TPO", "CE"])
@pytest.mark.parametrize("contexts", [2, 4])
def test_the_best_rate_is_chosen_first_and_widened_at_the_edge(store, method, contexts):
    means = candidates_of(store, method, contexts)
    rates = {rate: mean for (eta, rate), mean in means.items() if eta == 1.0}
    # Larger rates are better here: two more were tried, each as far from the edge as the one before.
    assert sorted(rates) == [0.003, 0.01, 0.03, 0.09, 0.27]
    best = min(rates, key=rates.__getitem__)
    for parameters in ("default", "chosen"):
        spec = cells_of(store)[method, contexts, parameters].spec
        assert spec["optimizer"]["learning_rate"] == best == 0.27


@pytest.mark.parametrize("contexts", [2, 4])
def test_then_the_methods_own_parameter_at_that_rate(store, contexts):
    means = candidates_of(store, "TPO", contexts)
    etas = {eta: mean for (eta, rate), mean in means.items() if rate == 0.27}
    assert sorted(etas) == [0.5, 1.0]
    chosen = cells_of(store)["TPO", contexts, "chosen"].spec["objective"]["eta"]
    assert chosen == min(etas, key=etas.__getitem__)
    assert cells_of(store)["TPO", contexts, "default"].spec["objective"]["eta"] == 1.0


def test_a_method_without_an_axis_of_its_own_has_equal_cells(store):
    cells = cells_of(store)
    assert cells["CE", 2, "default"].spec == cells["CE", 2, "chosen"].spec


def test_candidates_have_seeds_of_their_own_and_half_of_the_steps(store):
    for cell in store.tuning.results():
        assert cell.seeds.tolist() == [1000, 1001]
        assert cell.steps == 5
    for cell in store.results():
        assert (cell.seeds.tolist(), cell.steps) == ([0, 1], 10)


def test_every_choice_is_recorded_with_what_it_was_made_from(store):
    records = store.tuning.choices()
    places = [(r["method"], r["point"]["task.contexts"], *r["chosen"]) for r in records]
    assert places == [
        *((method, contexts, RATE) for contexts in (2, 4) for method in ("TPO", "CE")),
        *(("TPO", contexts, ETA) for contexts in (2, 4)),
    ]
    for record in records:
        best = min(range(len(record["means"])), key=record["means"].__getitem__)
        assert record["chosen"] == record["options"][best]
    # The search has ended at an edge, since no more values may be added.
    assert all(record["at_edge"] for record in records if RATE in record["chosen"])


def test_a_second_run_trains_nothing(store):
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("metrics.parquet")}
    run_config(CONFIG, store.root, quiet=True)
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("metrics.parquet")} == before


def test_a_summary_is_drawn_as_its_config_says(store, tmp_path, unrendered):
    config = load_config({**CONFIG, "figures": ["learning_curves"], "grid": {"task.contexts": [4, 7]}}).config
    (tmp_path / "config.toml").write_text(config_text(config))
    summary = write_summary(store.root, tmp_path / "summary.json")
    assert main(["draw", str(summary), "--figures", str(tmp_path / "config.toml")]) == 0
    table = (tmp_path / "summary.md").read_text()
    rows = [line.split(" | ")[:2] for line in table.splitlines() if " ± " in line and "mean" not in line]
    # One of the two points is in the summary. Chosen values may equal the default ones.
    assert rows == [[f"| {p}", method] for p in ("default", "chosen") for method in ("TPO", "CE")]
    assert list(tmp_path.glob("learning_curves*.png"))


def test_a_search_goes_on_from_the_candidates_of_an_earlier_one(tmp_path, store):
    config = {**CONFIG, "tune": {**CONFIG["tune"], "axes": {RATE: [0.003, 0.01]}, "widen": 0}}
    run_config(config, tmp_path / "out", methods=["CE"], quiet=True)
    again = run_config(CONFIG, tmp_path / "out", overwrite=True, quiet=True)
    assert [r["chosen"] for r in again.tuning.choices()] == [r["chosen"] for r in store.tuning.choices()]


@pytest.mark.parametrize(
    ("values", "best", "added"),
    [
        ([0.001, 0.003, 0.01], 0.01, 0.03333),
        ([0.01, 0.001, 0.003], 0.001, 0.0003333),
        ([0.001, 0.003, 0.01], 0.003, None),
        ([0.001, 0.01], 0.01, None),
        ([0.0, 0.04, 0.2], 0.2, None),
        (["a", "b", "c"], "c", None),
    ],
)
def test_the_value_beyond_an_edge(values, best, added):
    assert widened(values, best) == added


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"tune": {"axes": {"optimizer.rate": [1.0]}}}, "tune.axes.\"optimizer.rate\": 1.0 does not fit"),
        ({"tune": {"axes": {"rate": [1.0]}}}, "tune.axes.rate: expected a path such as"),
        ({"tune": {"axes": {"schedule.seeds": [1]}}}, 'tune.axes."schedule.seeds": cannot be tuned'),
        ({"tune": {"axes": {"task.contexts": [1]}}}, 'tune.axes."task.contexts": the grid already sweeps it'),
        ({"tune": {"axes": {RATE: [0.1]}, "first_seed": 1}}, "tune.first_seed: the run uses seeds 0 to 1"),
        ({"tune": {"axes": {RATE: [-1.0]}}}, f'tune.axes."{RATE}": -1.0 does not fit method'),
        ({"tune": {"sheeds": 3}}, "tune.sheeds: unknown key; did you mean 'seeds'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(change, line):
    with pytest.raises(ConfigError) as caught:
        load_config({**CONFIG, **change})
    assert any(found.startswith(f"config: {line}") for found in caught.value.lines), caught.value.lines


def test_an_own_axis_that_does_not_fit_names_the_method():
    own = method("CE", "cross_entropy", tune={"objective.tau": [1.0]})
    with pytest.raises(ConfigError, match=r"method 'CE': tune.\"objective.tau\": 1.0 does not fit"):
        load_config({**CONFIG, "method": [own]})


def test_check_counts_the_candidates_and_list_knows_the_choices(store, tmp_path, capsys):
    path = tmp_path / "tuned.toml"
    path.write_text(config_text(load_config(CONFIG).config))
    assert main(["check", str(path)]) == 0
    assert "from 16 candidates of 2 seeds" in " ".join(capsys.readouterr().out.split())
    assert main([str(path), "--list", "--out", str(store.root), "--json"]) == 0
    *cells, _ = map(json.loads, capsys.readouterr().out.splitlines())
    assert [cell["seeds_done"] for cell in cells] == [[0, 1]] * 8


# --- random search ---

SPACE = {RATE: {"low": 0.01, "high": 1.0}, "schedule.epochs": {"low": 1, "high": 3, "scale": "linear"}}


def test_the_best_of_random_draws_is_chosen_and_more_draws_keep_the_first(tmp_path):
    config = {**CONFIG, "tune": {"space": SPACE, "samples": 4, "seeds": 2}, "method": [CONFIG["method"][1]]}
    store = run_config(config, tmp_path, quiet=True)
    first, second = store.tuning.choices()
    # The draws are the same for all methods and points.
    assert first["options"] == second["options"]
    for option in first["options"]:
        assert 0.01 <= option[RATE] <= 1
        assert option["schedule.epochs"] in (1, 2, 3)
    assert len({option[RATE] for option in first["options"]}) == 4
    best = first["options"][int(np.argmin(first["means"]))]
    cell = next(c for c in store.results() if c.point == {"task.contexts": 2})
    assert cell.spec["optimizer"]["learning_rate"] == best[RATE]
    assert cell.spec["schedule"]["epochs"] == best["schedule.epochs"]
    longer = {**config, "tune": {**config["tune"], "samples": 6}}
    before = len(list(store.tuning.cells.glob("*")))
    again = run_config(longer, tmp_path, quiet=True, overwrite=True)
    assert again.tuning.choices()[0]["options"][:4] == first["options"]
    assert len(list(again.tuning.cells.glob("*"))) == before + 4


@pytest.mark.parametrize(
    ("space", "line"),
    [
        ({RATE: {"low": 1.0, "high": 0.1}}, "expected low below high, found 1.0 and 0.1"),
        ({RATE: {"low": 0, "high": 0.1}}, "a log scale needs low above 0"),
        ({RATE: {"low": 0.1}}, "missing; expected a number"),
        ({RATE: {"low": -1.0, "high": 0.1, "scale": "linear"}}, "-1.0 does not fit"),
        ({"rate": {"low": 0.1, "high": 1.0}}, "expected a path such as"),
    ],
)
def test_a_mistake_in_the_space_names_the_key(space, line):
    with pytest.raises(ConfigError) as caught:
        load_config({**CONFIG, "tune": {"space": space}})
    assert any(found.startswith("config: tune.space.") and line in found for found in caught.value.lines), (
        caught.value.lines
    )
