"""A run starts from the trained policies of another one."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_configs import bandit, train, write

from tpo_runs import Store, load_config, load_policy

CONFIG = bandit(
    task={"kind": "context_table", "contexts": 3, "actions": 4},
    optimizer={"kind": "sgd", "learning_rate": 0.5},
    schedule={"steps": 5, "seeds": 3, "block": 2, "keep_policies": True},
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the config, and a run of it in "first"."""
    folder = tmp_path_factory.mktemp("trained")
    write(CONFIG, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert train("first") == 0
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a copy of both."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def errors(out: str) -> np.ndarray:
    (result,) = Store(out).results()
    return result.metrics["error"]


def test_each_seed_goes_on_from_the_policy_of_the_same_seed(folder: Path) -> None:
    del folder
    assert train("second", "--policy.start.out", "first") == 0
    assert train("long", "--schedule.steps", "10") == 0
    # Gradient descent without momentum on all contexts has no state but the policy.
    np.testing.assert_array_equal(errors("second"), errors("long")[:, 5:])


def test_all_seeds_can_start_from_the_policy_of_one(folder: Path) -> None:
    del folder
    flags = ("--policy.start.out", "first", "--policy.start.seed", "2", "--schedule.first_seed", "7")
    assert train("second", *flags) == 0
    second = errors("second")
    np.testing.assert_array_equal(second, np.broadcast_to(second[:1], second.shape))
    policies = [load_policy("second", seed=seed).logits for seed in (7, 8)]
    np.testing.assert_array_equal(*policies)


def test_the_policies_to_start_from_are_a_setting(folder: Path) -> None:
    del folder
    start = [("policy.start.out", "first")]
    cold, warm = (load_config(Path("config.toml"), overrides=each).cells[0] for each in ([], start))
    assert cold.key != warm.key
    assert "start" not in cold.identity()["policy"]


def test_their_content_is_provenance_and_seeds_from_others_do_not_join(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = ("--policy.start.out", "first")
    assert train("second", *start, "--schedule.seeds", "2") == 0
    (record,) = Store("second").provenances(Store("second").manifest()["cells"][0]["key"])
    assert [Path(name).name for name in record["data"]] == ["seeds-000000-000001", "seeds-000002-000002"]
    for state in folder.glob("first/cells/*/policies/*/step-*/state.npz"):
        changed = {name: array + 1 for name, array in np.load(state).items()}
        before = hashlib.sha256(state.read_bytes()).hexdigest()
        np.savez(state, **changed)
        sums = state.with_name("SHA256SUMS")
        sums.write_text(sums.read_text().replace(before, hashlib.sha256(state.read_bytes()).hexdigest()))
    assert train("second", *start) == 2
    told = capsys.readouterr().err
    assert "the content of data set 'first/cells/" in told
    assert "has changed" in told
    # What was trained from them does not need them any more.
    assert np.isfinite(load_policy("second", seed=1).logits).all()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--policy.start.out", "frst"], "frst/run.json: not found; expected the output directory of a run"),
        (
            ["--policy.start.out", "first", "--policy.start.method", "TPPO"],
            "first: no method is named 'TPPO'; did you mean 'TPO'?",
        ),
        (
            ["--policy.start.out", "first", "--schedule.seeds", "5"],
            "first: TPO: seed 3 is not complete; complete seeds: [0, 1, 2]",
        ),
        (
            ["--policy.start.out", "first", "--task.actions", "5"],
            "its policies do not fit this one: .logits is float32[1, 3, 4] in that run, float32[1, 3, 5]",
        ),
    ],
)
def test_policies_that_cannot_be_started_from_are_refused_before_training(
    flags: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    capsys.readouterr()
    assert train("second", *flags) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("policy.start: ")
    assert words in told
    assert not Path("second").exists()


def test_a_run_that_kept_no_policies_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    assert train("bare", "--schedule.keep_policies", "false") == 0
    capsys.readouterr()
    assert train("second", "--policy.start.out", "bare") == 2
    assert "policy.start: bare: TPO: the policies were not kept; train with --sch" in capsys.readouterr().err
