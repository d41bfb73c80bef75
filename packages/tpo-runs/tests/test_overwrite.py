"""`--overwrite`: earlier results stay until the training that replaces them is ready to start."""

import shutil
import signal
import sys

import pytest
from reliability import UNDRAWN, contents, finish, start, wait_for

from tpo_runs import Store
from tpo_runs._cli import main

SHORT = UNDRAWN.replace("steps = 6000", "steps = 20").replace('{ kind = "dg" }', '{ kind = "own:loss" }')
OWN = "def loss(logp, old_logp, scores):\n    return -logp * scores\n"
RAISES = 'def loss(logp, old_logp, scores):\n    raise ValueError("as a test")\n'
LONG = ("--schedule.checkpoint_minutes", "0.0001", "--method.PG.schedule.steps", "400000")


def write_objective(directory, text):
    (directory / "own.py").write_text(text)
    # As in a process of its own.
    sys.modules.pop("own", None)


def run(config, *words):
    return main([str(config), "--out", str(config.parent / "out"), "--quiet", *words])


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A directory with a config, its objective and the store of a complete run."""
    directory = tmp_path_factory.mktemp("complete")
    write_objective(directory, OWN)
    (directory / "small.toml").write_text(SHORT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path])  # a run adds the directory of its config
        assert run(directory / "small.toml") == 0
    return directory


@pytest.fixture
def config(complete, tmp_path, monkeypatch):
    """The config, in a copy of that directory."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    shutil.copytree(complete, tmp_path, dirs_exist_ok=True)
    write_objective(tmp_path, OWN)
    return tmp_path / "small.toml"


@pytest.fixture
def out(config):
    return config.parent / "out"


def cell_of(out, method):
    (key,) = {entry["key"] for entry in Store(out).manifest()["cells"] if entry["method"] == method}
    return out / "cells" / key


def times(directory):
    """When each block was written."""
    return {path: path.stat().st_mtime_ns for path in directory.rglob("*.parquet")}


@pytest.mark.parametrize("words", [[], ["--schedule.steps", "30"]], ids=["same settings", "other settings"])
def test_an_objective_that_raises_leaves_the_whole_store(words, config, out, capsys):
    before = contents(out)
    write_objective(config.parent, RAISES)
    assert run(config, "--overwrite", "--methods", "DG", *words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: as a test" in line
    after = contents(out)
    assert {name: after.get(name) for name in before} == before
    (added,) = after.keys() - before.keys()
    assert added.startswith("errors/")


def test_a_cell_that_fails_keeps_its_results_until_a_later_run_trains_it(config, out, capsys):
    failing, before = cell_of(out, "DG"), times(out)
    write_objective(config.parent, RAISES)
    assert run(config, "--overwrite") == 1
    assert "its earlier results are kept" in capsys.readouterr().err
    after = times(out)
    assert after.keys() == before.keys()
    assert {path for path in before if after[path] == before[path]} == set(times(failing))
    # The same command without --overwrite trains what the first one could not, and nothing twice.
    write_objective(config.parent, OWN.replace("-logp", "-2 * logp"))
    assert run(config) == 0
    again = times(out)
    assert {path for path in again if again[path] == after[path]} == set(times(cell_of(out, "PG")))
    assert run(config) == 0
    assert times(out) == again
    assert list(out.rglob("to-be-replaced")) == []


def test_a_run_killed_in_its_first_cell_replaces_the_others_when_resumed(config, out):
    kept = times(cell_of(out, "DG"))
    process = start(config, "--out", out, "--quiet", "--overwrite", *LONG)
    wait_for(lambda: list(out.glob("cells/*/checkpoints/*/step-*")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert times(out) == kept
    assert list(out.rglob("to-be-replaced")) == [cell_of(out, "DG") / "to-be-replaced"]
    assert run(config, *LONG, "--methods", "DG") == 0
    again = times(cell_of(out, "DG"))
    assert again.keys() == kept.keys()
    assert again != kept
    assert list(out.rglob("to-be-replaced")) == []


def test_seeds_that_the_new_run_does_not_train_go_with_the_others(config, out):
    assert run(config, "--overwrite", "--schedule.seeds", "1") == 0
    assert {path.parent.name for path in times(out)} == {"seeds-000000-000000"}


def test_results_of_other_settings_go_when_the_new_ones_start(config, out):
    before = set(times(out))
    assert run(config, "--overwrite", "--schedule.steps", "30") == 0
    after = set(times(out))
    assert len(after) == len(before)
    assert not after & before
    assert len(list(out.glob("cells/*"))) == 2


@pytest.mark.cluster
@pytest.mark.skipif(shutil.which("sbatch") is not None, reason="there is a SLURM here")
@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("submitit", ("--executor.kind", "slurm")),
        ("ray", ("--executor.kind", "ray", "--executor.address", "127.0.0.1:1")),
    ],
)
def test_a_cluster_that_cannot_be_reached_leaves_the_whole_store(engine, words, config, out):
    pytest.importorskip(engine)
    before = contents(out)
    words = ("--out", out, "--quiet", "--overwrite", "--schedule.steps", "30", *words)
    code, errors = finish(start(config, *words))
    assert code == 2
    assert errors.startswith("[executor] ")
    assert contents(out) == before


@pytest.mark.cluster
def test_jobs_that_would_fail_leave_the_whole_store(config, out):
    pytest.importorskip("submitit")
    before = contents(out)
    write_objective(config.parent, RAISES)
    local = ("--executor.kind", "slurm", "--executor.cluster", "local")
    code, errors = finish(start(config, "--out", out, "--quiet", "--overwrite", "--methods", "DG", *local))
    assert code == 1
    assert "its earlier results are kept" in errors
    after = contents(out)
    assert {name: after.get(name) for name in before} == before
