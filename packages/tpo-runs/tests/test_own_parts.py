"""A user's own task, policy and optimizer, named "module:name" in a config."""

import json
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_configs import bandit, method, train, write

from tpo_runs import ConfigError, Store, load_policy
from tpo_runs._cli import main

MODULE = """\
import optax
from tpo_envs import symmetric_bandit
from tpo_models import LogitTable

def bandit(size=100):
    return symmetric_bandit(size)

class Table(LogitTable):
    def __init__(self, task, *, scale=0.0, key):
        super().__init__(contexts=task.num_contexts, actions=task.num_actions, initial_std=scale, key=key)

class Mute(LogitTable):
    def __init__(self, task, *, key):
        super().__init__(contexts=task.num_contexts, actions=task.num_actions, initial_std=0.0, key=key)

    @property
    def log_policy(self):
        raise AttributeError("log_policy", name="log_policy", obj=self)

def slow_adam(learning_rate, times):
    return optax.adam(learning_rate * times)

def no_optimizer():
    return 1e-3

class Empty:
    pass

class Broken:
    def __init__(self):
        raise SystemExit("no data")
"""
SCHEDULE = {"steps": 6, "seeds": 2, "keep_policies": True}
OWN = {
    "task": 'task = { kind = "parts:bandit", size = 10 }',
    "policy": 'policy = { kind = "parts:Table", scale = 1.0 }',
    "optimizer": 'optimizer = { kind = "parts:slow_adam", learning_rate = 0.05, times = 2 }',
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of a user's own parts."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts.py").write_text(MODULE)
    return tmp_path


def with_methods(changes: dict[str, str], **tables: Any) -> dict[str, Any]:
    methods = (method(name, **tomllib.loads(line)) for name, line in changes.items())
    return bandit(*methods, schedule=SCHEDULE, **tables)


def refused(config: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of a refusal before training."""
    write(config)
    assert main(["config.toml", "--out", "refused"]) == 2
    assert not Path("refused").exists()
    return capsys.readouterr().err.splitlines()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the same method with kinds of this package, and with a part of the user's own each."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "parts.py").write_text(MODULE)
    write(with_methods({"built in": "", **OWN}), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", sys.path[:])
        assert train("run") == 0
    del sys.modules["parts"]  # each test has one of its own
    return folder


@pytest.fixture
def trained(finished: Path, folder: Path) -> Store:
    """A copy of that run in the working directory."""
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    return Store(folder / "run")


def test_own_parts_train_the_bytes_of_the_kinds_that_they_copy(trained: Store) -> None:
    first, *others = trained.results()
    assert len(others) == len(OWN)
    for other in others:
        np.testing.assert_array_equal(first.metrics["loss"], other.metrics["loss"])


def test_the_policies_of_own_parts_load_while_their_source_is_the_same(trained: Store, folder: Path) -> None:
    like = load_policy(trained.root, "built in", seed=1)
    policy = load_policy(trained.root, "policy", seed=1)
    assert type(policy).__name__ == "Table"
    np.testing.assert_array_equal(policy.logits, like.logits)
    (folder / "parts.py").write_text(MODULE + "\n# edited\n")
    load_policy(trained.root, "optimizer", seed=1)  # its optimizer is not needed
    with pytest.raises(ConfigError, match="policy: parts has changed since training"):
        load_policy(trained.root, "policy", seed=1)


def test_a_run_starts_from_own_policies_of_another_one(trained: Store) -> None:
    start = {"out": str(trained.root), "method": "policy"}
    flags = [word for key, value in start.items() for word in (f"--method.policy.policy.start.{key}", value)]
    assert train("warm", "--methods", "policy", *flags) == 0
    (warm,) = Store("warm").results()
    (cold,) = (result for result in trained.results() if result.method == "policy")
    assert (warm.metrics["error"][:, 0] < cold.metrics["error"][:, -1]).all()


def test_seeds_of_another_source_of_an_own_part_are_refused(
    trained: Store, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (record,) = trained.provenances(trained.manifest()["cells"][1]["key"])
    assert set(record["objective"]) == {"parts"}
    (folder / "parts.py").write_text(MODULE + "\n# edited\n")
    assert main(["config.toml", "--out", "run", "--schedule.seeds", "3"]) == 2
    told = capsys.readouterr().err
    assert "the source of module 'parts' has changed" in told
    assert "for task, policy, optimizer; choose another --out" in told


def test_check_says_what_own_parts_lack(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(with_methods(OWN))
    assert main(["check", "config.toml"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "parts:bandit: an own task has no measures on test data" in printed
    assert "parts:Table: an own policy has no probes of a logit table" in printed
    assert "parts:slow_adam: warmup_steps and decay of an own optimizer scale its updates" in printed


@pytest.mark.parametrize(
    ("line", "place", "words"),
    [
        (
            'task = { kind = "parts:bandits" }',
            "task.kind",
            "there is no 'bandits'; did you mean 'bandit'? allowed: bandit, Table, Mute",
        ),
        ('task = { kind = "parts:bandit", actions = 3 }', "task.kind", "no keyword 'actions'; allowed: size"),
        ('policy = { kind = "parts:Empty" }', "policy.kind", "'parts:Empty' takes no keyword 'task'"),
        (
            'optimizer = { kind = "parts:slow_adam" }',
            "optimizer.kind",
            "needs the keyword learning_rate, times; set it beside kind",
        ),
        (
            'optimizer = { kind = "parts:no_optimizer" }',
            "optimizer.kind",
            "TypeError: expected an optax.GradientTransformation, returned 0.001",
        ),
        (
            'task = { kind = "parts:Broken" }',
            "task.kind",
            "'parts:Broken': SystemExit: no data (parts.py, line",
        ),
        (
            'task = { kind = "parts:Empty" }\npolicy = { kind = "parts:Table" }',
            "task.kind",
            "'parts:Empty': has no attribute 'num_contexts', which rollout.kind = 'exact_group' or policy",
        ),
        (
            'policy = { kind = "parts:Mute" }',
            "policy.kind",
            "'parts:Mute': has no attribute 'log_policy', which rollout.kind = 'exact_group' needs",
        ),
    ],
)
def test_an_own_part_that_cannot_train_is_refused_before_training(
    line: str, place: str, words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    (told,) = refused(with_methods({"Own": line}), capsys)
    assert told.startswith(f"config.toml: {place}: ")
    assert words in told


def test_what_an_own_part_lacks_is_refused_in_a_config(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    (told,) = refused(with_methods({"Own": OWN["policy"] + '\nprobes = ["misalignment"]'}), capsys)
    assert "probe 'misalignment' needs policy.kind = 'logit_table', not 'parts:Table'" in told
    own = OWN["task"] + '\nevaluation = { measures = ["test_error"] }'
    (told,) = refused(with_methods({"Own": own}), capsys)
    assert "measure 'test_error' needs task.kind = 'images', not 'parts:bandit'" in told


def test_a_grid_sweeps_keywords_of_own_parts(folder: Path) -> None:
    write(with_methods({"Own": OWN["optimizer"]}, grid={"optimizer.times": [1, 2]}))
    assert train("run") == 0
    assert [result.point for result in Store(folder / "run").results()] == [
        {"optimizer.times": 1},
        {"optimizer.times": 2},
    ]
    assert json.loads(next((folder / "run").glob("cells/*/spec.json")).read_text())["optimizer"]["times"] in (
        1,
        2,
    )
