"""The key `at`: what a method sets at some points of the grid, and how `choose` finds it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_store import UNDRAWN, make_store
from small_configs import bandit, method

from tpo_runs import CellResult, ConfigError, load_config
from tpo_runs._cli import main

CONFIG = """\
task = { kind = "tokens", target = "copy", reward = "terminal", horizon = 2, vocab_size = 2 }
policy = { kind = "transformer", width = 8, layers = 1, heads = 1 }
optimizer = { kind = "adam", learning_rate = 1e-3 }
schedule = { steps = 4, seeds = 2, epochs = 2 }
grid = { "task.horizon" = [2, 3], "task.vocab_size" = [2, 3] }

[[method]]
name = "TPO"
objective = { kind = "tpo", eta = 2.0 }
rollout = { kind = "sequence_group", prompts = 4, candidates = 4 }
optimizer = { learning_rate = 0.1 }
"""


def cells_of(tmp_path: Path, at: str, *overrides: tuple[str, str]) -> dict[tuple[Any, ...], Any]:
    path = tmp_path / "config.toml"
    path.write_text(f"{CONFIG}at = {at}\n")
    cells = load_config(path, overrides=overrides).cells
    return {tuple(cell.point.values()): cell for cell in cells}


def refusal_of(tmp_path: Path, at: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        cells_of(tmp_path, at)
    return [line.partition("config.toml: ")[2] for line in caught.value.lines]


def test_settings_count_at_the_points_that_have_all_their_values(tmp_path):
    one = '{ point = { "task.horizon" = 3 }, optimizer = { learning_rate = 0.5 } }'
    two = '{ point = { "task.horizon" = 3, "task.vocab_size" = 3 }, objective = { eta = 4 } }'
    cells = cells_of(tmp_path, f"[{one}, {two}]")
    rates = {point: cell.optimizer.learning_rate for point, cell in cells.items()}
    assert rates == {(2, 2): 0.1, (2, 3): 0.1, (3, 2): 0.5, (3, 3): 0.5}
    etas = {point: cell.objective.eta for point, cell in cells.items()}
    assert etas == {(2, 2): 2, (2, 3): 2, (3, 2): 2, (3, 3): 4}


def test_later_settings_are_laid_over_earlier_ones_and_the_grid_over_all(tmp_path):
    rates = [f'{{ point = {{ "task.horizon" = 3 }}, optimizer = {{ learning_rate = {x} }} }}' for x in (1, 2)]
    cells = cells_of(tmp_path, f"[{', '.join(rates)}]")
    assert cells[3, 2].optimizer.learning_rate == 2
    swept = cells_of(tmp_path, f"[{rates[0]}]", ("grid.optimizer.learning_rate", "[0.3]"))
    assert swept[3, 2, 0.3].optimizer.learning_rate == 0.3


def test_a_cell_is_the_same_wherever_its_settings_are_written(tmp_path):
    cells = cells_of(tmp_path, '[{ point = { "task.horizon" = 3 }, optimizer = { learning_rate = 0.1 } }]')
    assert cells[3, 2].identity() == cells_of(tmp_path, "[]")[3, 2].identity()


@pytest.mark.parametrize(
    ("at", "message"),
    [
        (
            '[{ point = { "task.horizn" = 3 } }]',
            "at.1.point: 'task.horizn' is not an axis of the grid; did you mean 'task.horizon'? allowed: ",
        ),
        (
            '[{ point = { "task.horizon" = 3 }, optimizer = { learning_rate = -1 } }]',
            "method 'TPO': at.1.optimizer.learning_rate: expected a number above 0, found -1",
        ),
        ("[{ optimizer = {} }]", "method 'TPO': at.1.point: missing; expected a table of grid values"),
        ("[{ point = {} }]", "method 'TPO': at.1.point: expected a table of grid values, found a table"),
        ('[{ point = { "task.horizon" = 3 }, objective = 3 }]', "at.1.objective: expected a table, found 3"),
        ("[4]", "method 'TPO': at.1: expected a table, found 4"),
        ("4", "method 'TPO': at: expected a list of tables, at most 1000, found 4"),
    ],
)
def test_wrong_settings_are_refused_with_their_place(at, message, tmp_path):
    (line,) = refusal_of(tmp_path, at)
    assert message in line


def test_probes_of_a_point_replace_those_of_the_method(tmp_path):
    cells = cells_of(tmp_path, '[{ point = { "task.horizon" = 3 }, probes = ["gradient_norm"] }]')
    assert {point: cell.probes for point, cell in cells.items()} == {
        (2, 2): (),
        (2, 3): (),
        (3, 2): ("gradient_norm",),
        (3, 3): ("gradient_norm",),
    }
    (line,) = refusal_of(tmp_path, '[{ point = { "task.horizon" = 3 }, probes = ["entropyy"] }]')
    assert "at.1.probes" in line
    assert "did you mean 'entropy'" in line


def test_a_key_of_a_table_in_a_table_is_named_by_its_place(tmp_path):
    path = tmp_path / "config.toml"
    sampler = "candidates = 4, sampler = { stale_step = 1, temperature = -1 } }"
    path.write_text(CONFIG.replace("candidates = 4 }", sampler))
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    first, second = (line.partition("method 'TPO': ")[2] for line in caught.value.lines)
    assert first.startswith("rollout.sampler.stale_step: unknown key; did you mean 'stale_steps'?")
    assert second == "rollout.sampler.temperature: expected a number above 0, found -1"


def result(method: str, horizon: int, rate: float, errors: Any, **options: Any) -> CellResult:
    point = {"task.horizon": horizon, "optimizer.learning_rate": rate}
    error = np.asarray(errors, dtype=np.float32)
    provenance = options.pop("provenance", {})
    return CellResult(method, point, {}, np.arange(len(error)), {"error": error, **options}, provenance)


def test_the_smallest_mean_over_steps_and_seeds_is_chosen() -> None:
    from tpo_runs._results import choose

    cells = [
        result("TPO", 2, 0.1, [[0.9, 0.1], [0.9, 0.1]]),
        result("TPO", 2, 0.2, [[0.4, 0.4], [0.4, 0.2]]),
        result("TPO", 2, 0.3, [[0.9, 0.0], [0.9, 0.0]]),
        result("TPO", 3, 0.1, [[0.2, 0.2], [0.2, 0.2]]),
        result("TPO", 3, 0.2, [[0.3, 0.0], [0.9, 0.8]]),
    ]
    first, second = choose(cells, ["optimizer.learning_rate"])
    assert (first.point, first.values) == ({"task.horizon": 2}, {"optimizer.learning_rate": 0.2})
    assert (round(first.mean, 6), round(first.second, 6)) == (0.35, 0.45)
    assert first.at_edge == ()
    assert second.values == {"optimizer.learning_rate": 0.1}
    assert second.at_edge == ("optimizer.learning_rate",)
    (both,) = choose(cells, ["optimizer.learning_rate", "task.horizon"])
    assert both.values == {"optimizer.learning_rate": 0.1, "task.horizon": 3}


def test_values_with_which_a_seed_diverged_come_last() -> None:
    from tpo_runs._results import choose

    lost = np.array([[0.5, np.nan]], dtype=np.float32)
    cells = [
        result("TPO", 2, 0.1, [[0.0, np.nan]], loss=lost),
        result("TPO", 2, 0.2, [[0.9, 0.9]], loss=np.zeros((1, 2), np.float32)),
    ]
    (choice,) = choose(cells, ["optimizer.learning_rate"])
    assert choice.values == {"optimizer.learning_rate": 0.2}


def stored(tmp_path: Path, grid: str) -> Path:
    """A run of made-up numbers with this line of a grid."""
    config = UNDRAWN.replace('"task.horizon" = {horizons}', grid)
    return make_store(tmp_path, points=1, seeds=2, steps=5, complete=True, config=config).root


def test_choose_prints_keys_that_make_a_config_train_the_chosen_cells(tmp_path, capsys):
    out = stored(tmp_path, '"optimizer.learning_rate" = [0.001, 0.1]\n"task.horizon" = [2, 3]')
    assert main(["choose", str(out), "optimizer.learning_rate"]) == 0
    keys = capsys.readouterr().out.partition("TPO: at = ")[2].partition("\nPPO: ")[0]
    chosen = tomllib.loads(f"at = {keys}")["at"]
    assert [table["point"] for table in chosen] == [{"task.horizon": 2}, {"task.horizon": 3}]
    cells = cells_of(tmp_path, keys)
    assert [cells[h, 2].optimizer.learning_rate for h in (2, 3)] == [
        table["optimizer"]["learning_rate"] for table in chosen
    ]


def test_without_other_axes_choose_prints_plain_tables(tmp_path, capsys):
    out = stored(tmp_path, '"optimizer.learning_rate" = [0.001, 0.1]')
    assert main(["choose", str(out), "optimizer.learning_rate"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^PPO: optimizer = \{ learning_rate = 0\.(001|1) \}$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optimizer.lr"], "'optimizer.lr' is not an axis of the grid; allowed: task.horizon"),
        (["task.horizon", "--metric", "los"], "'TPO' has no metric 'los'; it has error, gradient_norm, loss"),
    ],
)
def test_choose_refuses_what_the_run_does_not_have(words, message, tmp_path, capsys):
    out = stored(tmp_path, '"task.horizon" = [2, 3]')
    assert main(["choose", str(out), *words]) == 2
    assert message in capsys.readouterr().err


# --- what all methods set: named points ---

NAMED = bandit(
    method(),
    method("CE", "cross_entropy"),
    task={"kind": "context_table", "contexts": 4, "actions": 3},
    schedule={"steps": 4},
    grid={"setting": ["few", "many"]},
    at=[{"point": {"setting": "many"}, "task": {"contexts": 9}, "schedule": {"steps": 8}}],
)


def test_a_name_of_the_grid_stands_for_what_at_says():
    cells = {(cell.method, cell.point["setting"]): cell for cell in load_config(NAMED).cells}
    sizes = {place: (cell.task.contexts, cell.schedule.steps) for place, cell in cells.items()}
    few, many = (4, 4), (9, 8)
    assert sizes == {
        ("TPO", "few"): few,
        ("CE", "few"): few,
        ("TPO", "many"): many,
        ("CE", "many"): many,
    }


def test_shared_settings_override_a_methods_own_and_its_settings_at_the_point_override_them():
    table = load_config(NAMED).config.model_dump()
    own = {"schedule": {"steps": 5}}
    table["method"] = [{**table["method"][0], **own}, {**table["method"][1], **own}]
    table["method"][1]["at"] = [{"point": {"setting": "many"}, "schedule": {"steps": 6}}]
    steps = {(c.method, c.point["setting"]): c.schedule.steps for c in load_config(table).cells}
    assert steps == {("TPO", "few"): 5, ("CE", "few"): 5, ("TPO", "many"): 8, ("CE", "many"): 6}


def test_methods_may_be_left_out_at_some_points():
    table = {**NAMED, "at": [{**NAMED["at"][0], "without": ["CE"]}]}
    places = [(cell.method, cell.point["setting"]) for cell in load_config(table).cells]
    assert places == [("TPO", "few"), ("CE", "few"), ("TPO", "many")]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"grid": {"seting": ["few", "many"]}},
            "config: grid.seting: expected a path such as 'task.horizon'",
        ),
        (
            {"at": [{"point": {"setting": "manny"}}]},
            "config: at.1.point.setting: 'manny' is not a value of this axis",
        ),
        (
            {"at": [{"point": {"setting": "many"}, "without": ["TP"]}]},
            "config: at.1.without: no method is named 'TP'; did you mean 'TPO'? allowed: TPO, CE",
        ),
        (
            {"at": [{"point": {"setting": "many"}, "task": {"contexts": 0}}]},
            "config: at.1.task.contexts: expected an integer from 1 to",
        ),
        (
            {"at": [{"point": {"setting": "many"}, "tusk": {}}]},
            "config: at.1.tusk: unknown key; did you mean 'task'?",
        ),
    ],
)
def test_a_mistake_in_shared_settings_is_one_line_with_its_place(change, line):
    with pytest.raises(ConfigError) as caught:
        load_config({**NAMED, **change})
    assert any(found.startswith(line) for found in caught.value.lines), caught.value.lines


def test_the_command_line_may_leave_points_out():
    cells = load_config(NAMED, overrides=[("grid.setting", '["few"]')]).cells
    assert [cell.point for cell in cells] == [{"setting": "few"}] * 2


# --- axes of one method ---


def test_an_axis_of_one_method_sweeps_it_beside_the_others():
    overrides = [("grid.method.TPO.objective.eta", "[0.5, 2]"), ("grid.setting", '["few"]')]
    cells = load_config(NAMED, overrides=overrides).cells
    swept = [(cell.point["method.TPO.objective.eta"], cell.objective.eta) for cell in cells[::2]]
    assert swept == [(0.5, 0.5), (2.0, 2.0)]
    first, second = cells[1::2]
    # The other method is trained once, and shown beside each value.
    assert first.method == second.method == "CE"
    assert first.key == second.key


@pytest.mark.parametrize(
    ("axis", "values", "line"),
    [
        ("method.TP.objective.eta", "[1.0]", "no method is named 'TP'; did you mean 'TPO'?"),
        ("method.TPO.objectiv.eta", "[1.0]", "expected a path such as 'task.horizon'"),
        ("method.TPO.objective.eta", "[-1.0]", "expected a number above 0, found -1.0"),
        ("method.CE.objective.eta", "[1.0]", "objective.eta: unknown key"),
        ("method.TPO.schedule.seeds", "[1]", "cannot be swept"),
    ],
)
def test_a_mistake_in_an_axis_of_one_method_names_the_axis(axis, values, line):
    with pytest.raises(ConfigError) as caught:
        load_config(NAMED, overrides=[(f"grid.{axis}", values)])
    (found,) = dict.fromkeys(caught.value.lines)
    assert found.startswith(f"--grid.{axis}: "), found
    assert line in found
