"""From a config to cells: the grid, methods' own tables, and what makes two cells the same."""

import copy
import json
from typing import Any

import pytest

RAW: dict[str, Any] = {
    "task": {"kind": "tokens", "target": "copy", "reward": "sequential", "horizon": 4, "vocab_size": 2},
    "policy": {"kind": "transformer"},
    "optimizer": {"kind": "muon", "learning_rate": 1e-3, "beta": 0.9},
    "schedule": {"steps": 20, "epochs": 4},
    "method": [
        {
            "name": "TPO",
            "objective": {"kind": "tpo"},
            "rollout": {"kind": "sequence_group", "prompts": 100, "candidates": 8},
        },
        {
            "name": "DG",
            "objective": {"kind": "dg"},
            "rollout": {"kind": "single", "prompts": 100},
            "schedule": {"epochs": 1},
        },
    ],
}


def config_of(**changes: Any) -> Any:
    from tpo_runs import Config

    return Config.model_validate({**copy.deepcopy(RAW), **changes})


def cells_of(**changes: Any) -> Any:
    from tpo_runs import expand

    return expand(config_of(**changes))


def only_cell(section: str, **keys: Any) -> Any:
    """The cell of the first method, with keys of one section changed."""
    raw = copy.deepcopy(RAW)
    table = raw["method"][0][section] if section in ("objective", "rollout") else raw[section]
    table.update(keys)
    (cell,) = cells_of(**{**raw, "method": raw["method"][:1]})
    return cell


def test_without_a_grid_there_is_one_cell_for_each_method() -> None:
    cells = cells_of()
    assert [cell.method for cell in cells] == ["TPO", "DG"]
    assert [cell.point for cell in cells] == [{}, {}]


def test_a_methods_own_tables_are_laid_over_the_shared_ones() -> None:
    tpo, dg = cells_of()
    assert (tpo.schedule.epochs, dg.schedule.epochs) == (4, 1)
    assert (tpo.schedule.steps, dg.schedule.steps) == (20, 20)
    assert tpo.task == dg.task


def test_a_table_whose_kind_a_method_changes_is_replaced_as_a_whole() -> None:
    methods = copy.deepcopy(RAW["method"])
    methods[1]["optimizer"] = {"kind": "adam", "learning_rate": 0.5}
    _, dg = cells_of(method=methods)
    assert dg.optimizer.model_dump() == {
        "kind": "adam",
        "learning_rate": 0.5,
        "warmup_steps": 0,
        "decay": "constant",
        "clip_norm": None,
        "b1": 0.9,
        "b2": 0.999,
        "eps": 1e-8,
    }


def test_the_grid_is_a_product_in_file_order_with_methods_innermost() -> None:
    cells = cells_of(grid={"task.horizon": [5, 4], "schedule.epochs": [1, 2]})
    assert [(cell.point["task.horizon"], cell.point["schedule.epochs"], cell.method) for cell in cells] == [
        (horizon, epochs, method) for horizon in (5, 4) for epochs in (1, 2) for method in ("TPO", "DG")
    ]
    assert all(cell.task.horizon == cell.point["task.horizon"] for cell in cells)


def test_the_grid_wins_over_a_methods_own_table() -> None:
    cells = cells_of(grid={"schedule.epochs": [3]})
    assert [cell.schedule.epochs for cell in cells] == [3, 3]


def test_the_grid_reaches_objectives_and_rollouts() -> None:
    methods = RAW["method"][:1]
    (first, second) = cells_of(method=methods, grid={"objective.eta": [0.5, 1], "rollout.candidates": [4]})
    assert (first.objective.eta, second.objective.eta) == (0.5, 1.0)
    assert second.rollout.candidates == 4
    assert isinstance(second.point["objective.eta"], float)


def test_axes_of_one_table_can_change_its_kind_and_its_keys() -> None:
    (cell, _) = cells_of(grid={"optimizer.learning_rate": [0.1], "optimizer.kind": ["adam"]})
    assert (cell.optimizer.kind, cell.optimizer.learning_rate) == ("adam", 0.1)


def test_problems_of_a_config_made_in_python_are_told_too() -> None:
    from tpo_runs import ConfigError, expand

    config = config_of(grid={"task.horizen": [4]})
    with pytest.raises(ConfigError) as caught:
        expand(config)
    (line,) = caught.value.lines
    assert line.startswith("config: grid.\"task.horizen\": unknown key; did you mean 'horizon'?")


@pytest.mark.parametrize(
    "change",
    [
        ("task", {"horizon": 5}),
        ("task", {"target": "flip"}),
        ("policy", {"heads": 4}),
        ("optimizer", {"learning_rate": 2e-3}),
        ("schedule", {"steps": 21}),
        ("schedule", {"epochs": 1}),
        ("schedule", {"block": 1}),
        ("objective", {"eta": 2.0}),
        ("objective", {"anchor": False}),
        ("rollout", {"candidates": 4}),
    ],
    ids=str,
)
def test_what_changes_the_numbers_changes_the_key(change: tuple[str, dict[str, Any]]) -> None:
    section, keys = change
    assert only_cell(section, **keys).key != only_cell("task").key


@pytest.mark.parametrize(
    "change",
    [
        ("schedule", {"seeds": 9}),
        ("schedule", {"first_seed": 9}),
        ("schedule", {"checkpoint_minutes": 0.5}),
        ("policy", {"width": 64, "layers": 2, "heads": 2}),
        ("objective", {"eta": 1}),
        ("objective", {"eta": 1.0, "anchor": True}),
    ],
    ids=str,
)
def test_what_leaves_the_numbers_leaves_the_key(change: tuple[str, dict[str, Any]]) -> None:
    section, keys = change
    assert only_cell(section, **keys).key == only_cell("task").key


def test_names_titles_and_the_way_to_a_value_do_not_enter_the_key() -> None:
    tpo = cells_of(title="Another", figures=["final_errors"], threshold=0.5, paper="Fig. 9")[0]
    swept = cells_of(grid={"task.horizon": [5, 4]})[2]
    methods = copy.deepcopy(RAW["method"])
    methods[0] |= {"name": "Another", "schedule": {"epochs": 4}}
    assert {tpo.key, swept.key, cells_of(method=methods)[0].key} == {cells_of()[0].key}


def test_two_methods_may_be_the_same_cell() -> None:
    methods = [RAW["method"][0], {**RAW["method"][0], "name": "Again"}]
    first, second = cells_of(method=methods)
    assert first.key == second.key
    assert first.method != second.method


def test_the_key_is_the_beginning_of_the_hash_of_the_identity() -> None:
    import hashlib

    cell = cells_of()[0]
    text = json.dumps(cell.identity(), sort_keys=True, separators=(",", ":"))
    assert cell.key == hashlib.sha256(text.encode()).hexdigest()[:16]


def test_the_identity_is_written_out_in_full() -> None:
    # Stored results are found by this: a change here orphans them.
    assert cells_of()[1].identity() == {
        "task": RAW["task"],
        "policy": {"kind": "transformer", "width": 64, "layers": 2, "heads": 2},
        "optimizer": {
            "kind": "muon",
            "learning_rate": 1e-3,
            "beta": 0.9,
            "newton_schulz_steps": 5,
            "adam_b1": 0.9,
            "adam_b2": 0.999,
            "eps": 1e-8,
        },
        "schedule": {"steps": 20, "epochs": 1, "block": 4},
        "objective": {"kind": "dg", "eta": 1.0},
        "rollout": {"kind": "single", "prompts": 100, "baseline": "batch_mean"},
        "probes": [],
    }


def test_keywords_of_a_users_function_are_kept_as_given() -> None:
    own = {"kind": "my_module:my_objective", "alpha": 1, "table": {"x": [1, 2.5, "a", True]}}
    method = {**RAW["method"][0], "objective": own}
    (cell,) = cells_of(method=[method])
    assert cell.objective.keywords == {"alpha": 1, "table": {"x": [1, 2.5, "a", True]}}
    assert cell.identity()["objective"] == own
    (other,) = cells_of(method=[{**method, "objective": {**own, "alpha": 2}}])
    assert other.key != cell.key


def test_configs_and_cells_are_frozen() -> None:
    import pydantic

    cell = cells_of()[0]
    with pytest.raises(pydantic.ValidationError):
        cell.method = "x"
    with pytest.raises(pydantic.ValidationError):
        cell.task.horizon = 5


def test_the_effective_config_has_every_default_and_survives_json() -> None:
    from tpo_runs import Config, effective

    config = config_of(smoke={"schedule": {"steps": 3}})
    stored = effective(config)
    assert json.loads(json.dumps(stored)) == stored
    assert "smoke" not in stored
    objective = {"kind": "tpo", "eta": 1.0, "anchor": True, "cap": 1.0}
    unset = dict.fromkeys(("target_kl", "std_floor", "std_shrinkage"))
    assert stored["method"][0]["objective"] == {**objective, **unset}
    assert effective(Config.model_validate(stored)) == stored
