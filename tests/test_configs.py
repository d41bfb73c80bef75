"""The experiments that ship with the repository."""

import json
from pathlib import Path

import numpy as np
import pytest

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.toml"))


def test_there_are_configs():
    assert "transformer_rlvr.toml" in [path.name for path in CONFIGS]


@pytest.mark.parametrize("smoke", [False, True])
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_config_is_understood(path, smoke):
    from tpo_runs import load_config

    loaded = load_config(path, smoke=smoke)
    assert loaded.cells
    assert loaded.config.title


# The large ones compile for a minute.
RUN = ["tabular_single", "tabular_multi"]
RUN_SLOWLY = [pytest.param(name, marks=pytest.mark.slow) for name in ("mnist", "transformer_rlvr")]


@pytest.mark.parametrize("name", [*RUN, *RUN_SLOWLY])
def test_every_config_runs_for_two_steps(name, tmp_path):
    from tpo_runs import Store
    from tpo_runs._cli import main

    config = CONFIGS[0].with_name(f"{name}.toml")
    more = ["--schedule.steps", "2", "--schedule.seeds", "2"]
    more += ["--evaluation.every", "2"] if name == "mnist" else []
    assert main([str(config), "--smoke", "--quiet", "--out", str(tmp_path), *more]) == 0
    manifest = json.loads((tmp_path / "run.json").read_text())
    results = Store(tmp_path).results()
    assert {result.method for result in results} == {entry["method"] for entry in manifest["cells"]}
    assert all(np.isfinite(result.metrics[manifest["metric"]][:, -1]).all() for result in results)
    files = {file.stem for file in (tmp_path / "figures").iterdir()}
    for figure in manifest["figures"]:
        assert (figure if isinstance(figure, str) else figure["name"] or figure["kind"]) in files
