"""Whole runs through the program's `main`, at the smallest size."""

import json

import pytest

from tpo_runs import Store
from tpo_runs._cli import main

CONFIG = """
title = "A tiny run"
figures = []
[task]
kind = "symmetric_bandit"
actions = 4
[policy]
kind = "logit_table"
[optimizer]
kind = "adam"
learning_rate = 1e-2
[schedule]
steps = 4
seeds = 2
[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "all_actions", contexts = "all", samples = 4, baseline = "expected" }
[[method]]
name = "PG"
objective = { kind = "reinforce" }
rollout = { kind = "sampled_actions", contexts = "all", samples = 4, baseline = "expected" }
"""
OWN = """
import jax.numpy as jnp

def best_of_group(logp, old_logp, scores, *, weight):
    best = scores == jnp.max(scores, axis=-1, keepdims=True)
    return -weight * jnp.mean(jnp.where(best, logp, 0.0), axis=-1)
"""
OWN_METHOD = """
[[method]]
name = "Best of group"
objective = { kind = "my_objectives:best_of_group", weight = 2.0 }
rollout = { kind = "all_actions", contexts = "all", samples = 4, baseline = "expected" }
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "tiny.toml"
    path.write_text(CONFIG)
    return path


def finished(out):
    return {result.method: result.seeds.tolist() for result in Store(out).results()}


def test_a_run_ends_with_metrics_figures_and_tables_and_resumes(config, capsys):
    undrawn = config.read_text()
    config.write_text(undrawn.replace("figures = []\n", ""))
    assert main([str(config)]) == 0
    out = config.parent / "results" / "tiny"
    assert finished(out) == {"TPO": [0, 1], "PG": [0, 1]}
    assert {path.name for path in (out / "figures").iterdir()} == {
        "SHA256SUMS",
        *("learning_curves.png", "learning_curves.pdf", "final_errors.png", "final_errors.pdf"),
        "summary.md",
    }
    summary = (out / "figures" / "summary.md").read_text()
    assert summary.startswith("# A tiny run\n")
    assert "| TPO | 2 | 4 |" in summary
    text = capsys.readouterr().out
    assert "compiling" in text
    assert "Final error (%)" in text
    blocks = {path: path.stat().st_mtime_ns for path in out.glob("cells/*/*/metrics.parquet")}
    assert len(blocks) == 2

    config.write_text(undrawn)
    assert main([str(config)]) == 0
    assert "TPO: already complete" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in blocks} == blocks

    assert main([str(config), "--methods", "PG", "--schedule.seeds", "3"]) == 0
    assert finished(out) == {"TPO": [0, 1], "PG": [0, 1, 2]}
    assert {path: path.stat().st_mtime_ns for path in blocks} == blocks

    assert main([str(config), "--list"]) == 0
    assert "complete" in capsys.readouterr().out

    assert main([str(config), "--overwrite", "--methods", "TPO"]) == 0
    (again,) = (
        p for p in out.glob("cells/*/*/metrics.parquet") if p in blocks and p.stat().st_mtime_ns != blocks[p]
    )
    assert again.exists()


def test_an_objective_from_the_users_own_file(config, capsys):
    (config.parent / "my_objectives.py").write_text(OWN)
    config.write_text(CONFIG + OWN_METHOD)
    out = config.parent / "mine"
    assert main([str(config), "--methods", "Best of group", "--out", str(out), "--quiet"]) == 0
    assert finished(out) == {"Best of group": [0, 1]}
    assert "compiling" not in capsys.readouterr().out


def test_listing_trains_nothing(config, capsys):
    assert main([str(config), "--list"]) == 0
    text = capsys.readouterr().out
    assert text.count("not begun") == 2
    assert not (config.parent / "results").exists()


def test_with_json_the_listing_is_an_event_for_each_cell(config, capsys):
    assert main([str(config), "--methods", "PG", "--schedule.seeds", "1", "--quiet"]) == 0
    capsys.readouterr()
    assert main([str(config), "--list", "--json"]) == 0
    *cells, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(cell["event"], cell["method"], cell["seeds"], cell["seeds_done"]) for cell in cells] == [
        ("cell", "TPO", [0, 1], []),
        ("cell", "PG", [0, 1], [0]),
    ]
    assert (end["event"], end["code"]) == ("end", 0)


def test_a_wrong_config_ends_with_one_line_and_code_two(config, capsys):
    config.write_text(CONFIG.replace("actions = 4", "acitons = 4"))
    assert main([str(config)]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert "task.acitons" in line
    assert "did you mean 'actions'" in line
    assert captured.out == ""
