"""Whole runs from Python, without a file."""

import copy

import pytest
from small_configs import bandit, method

from tpo_runs import ConfigError, load_config, run_config

CONFIG = bandit(
    method(),
    method("GRPO", "grpo"),
    schedule={"steps": 20, "seeds": 2},
    figures=["learning_curves"],
    smoke={"schedule": {"steps": 3, "seeds": 1}, "methods": ["TPO"]},
)


def test_a_dictionary_trains_and_a_second_call_trains_nothing(tmp_path, capsys, unrendered):
    before = copy.deepcopy(CONFIG)
    store = run_config(CONFIG, tmp_path / "out")
    assert before == CONFIG
    assert [result.method for result in store.results()] == ["TPO", "GRPO"]
    assert store.frame().num_rows == 2 * 2 * 20
    assert "GRPO, seeds 0 to 1: done" in capsys.readouterr().out
    files = {path: path.stat().st_mtime_ns for path in store.cells.rglob("*.parquet")}
    assert run_config(CONFIG, tmp_path / "out", quiet=True).frame().equals(store.frame())
    assert files == {path: path.stat().st_mtime_ns for path in store.cells.rglob("*.parquet")}


def test_methods_and_smoke_are_those_of_the_command_line(tmp_path, unrendered):
    frame = run_config(CONFIG, tmp_path / "out", methods=["GRPO"], quiet=True).frame()
    assert set(frame["method"].to_pylist()) == {"GRPO"}
    assert run_config(CONFIG, tmp_path / "short", smoke=True, quiet=True).frame().num_rows == 3


def test_a_file_and_a_dictionary_are_the_same_config(tmp_path):
    import tomli_w

    (tmp_path / "a.toml").write_text(tomli_w.dumps(CONFIG))
    from_file, from_tables = load_config(str(tmp_path / "a.toml")), load_config(CONFIG)
    assert [cell.key for cell in from_file.cells] == [cell.key for cell in from_tables.cells]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": {"kind": "symmetric_bandits"}}, r"config: task\.kind: .*did you mean 'symmetric_bandit'"),
        ({"method": []}, "config: method: expected"),
    ],
)
def test_mistakes_are_told_as_for_a_file(change, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        run_config({**CONFIG, **change}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_cells_that_fail_are_named_and_the_others_are_stored(tmp_path, monkeypatch, unrendered):
    (tmp_path / "broken.py").write_text("def loss(logp, old_logp, scores):\n    raise OverflowError('no')\n")
    monkeypatch.syspath_prepend(tmp_path)
    broken = {**CONFIG["method"][1], "name": "mine", "objective": {"kind": "broken:loss"}}
    with pytest.raises(RuntimeError, match=r"^mine: OverflowError: no \(broken\.py, line 2\)$"):
        run_config({**CONFIG, "method": [broken, CONFIG["method"][0]]}, tmp_path / "out", quiet=True)
    from tpo_runs import Store

    assert [result.method for result in Store(tmp_path / "out").results()] == ["TPO"]
