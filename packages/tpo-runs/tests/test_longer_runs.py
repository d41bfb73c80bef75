"""More steps on a stored run go on from where it ended."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from small_configs import bandit, method, train, write

from tpo_runs import Store, load_policy
from tpo_runs._cli import main
from tpo_runs._run import Display

# The rollout draws from an older policy, which is part of the state.
CONFIG = """\
task = { kind = "tokens", target = "copy", reward = "terminal", horizon = 2, vocab_size = 2 }
policy = { kind = "transformer", width = 8, layers = 1 }
optimizer = { kind = "adam", learning_rate = 1e-2, warmup_steps = 2 }
schedule = { steps = 4, seeds = 2, keep_policies = true }
figures = []

[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "sequence_group", prompts = 4, candidates = 4, sampler = { stale_steps = 2 } }
"""
SCHEDULE = {"steps": 4, "seeds": 2, "keep_policies": True}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the config of a bandit."""
    monkeypatch.chdir(tmp_path)
    write(bandit(schedule=SCHEDULE))
    return tmp_path


def metrics(out: str) -> dict[str, bytes]:
    """The metrics of the cells of a run, by the name of their block."""
    store = Store(out)
    (entry,) = store.manifest()["cells"]
    return {
        block.path.name: (block.path / "metrics.parquet").read_bytes() for block in store.blocks(entry["key"])
    }


def refusal(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The line with which a longer run into "short" is refused, which leaves everything as it was."""
    before = {path: path.read_bytes() for path in Path("short").rglob("*") if path.is_file()}
    assert train("short", "--schedule.steps", "9", *flags) == 2
    assert before == {path: path.read_bytes() for path in Path("short").rglob("*") if path.is_file()}
    (told,) = capsys.readouterr().err.splitlines()
    return told


def test_a_run_that_was_trained_longer_has_the_bytes_of_one_long_run(folder: Path) -> None:
    (folder / "config.toml").write_text(CONFIG)
    assert train("long", "--schedule.steps", "9") == 0
    assert [train("short", "--schedule.steps", steps) for steps in ("4", "9")] == [0, 0]
    assert metrics("short") == metrics("long")
    for seed in range(2):
        short, long = (load_policy(out, seed=seed) for out in ("short", "long"))
        np.testing.assert_array_equal(short.head.kernel, long.head.kernel)
    (result,) = Store("short").results()
    assert result.steps == 9


def test_seeds_in_training_go_on_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    assert train("long", "--schedule.steps", "9") == 0
    advance = Display.advance

    def interrupted(self: object, step: int, *rest: object) -> None:
        advance(self, step, *rest)  # pyright: ignore
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Display, "advance", interrupted)
    assert train("short") == 143
    monkeypatch.setattr(Display, "advance", advance)
    capsys.readouterr()
    assert main(["config.toml", "--out", "short", "--schedule.steps", "9"]) == 0
    assert "step 1 of 9" in capsys.readouterr().out
    assert metrics("short") == metrics("long")


def test_a_run_that_did_not_keep_its_state_is_not_trained_longer(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    assert train("short", "--schedule.keep_policies", "false") == 0
    told = refusal(capsys)
    assert told.startswith("short: TPO: the state of seeds 0 to 1 after 4 steps was not kept; train with")
    assert told.endswith("; choose another --out, to train it from its start")


def test_a_damaged_end_is_refused_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("short") == 0
    (state,) = folder.glob("short/cells/*/ends/*/step-*/state.npz")
    state.write_bytes(state.read_bytes()[:-1])
    told = refusal(capsys)
    assert told.startswith("TPO: short/cells/")
    assert "state.npz: damaged, does not match its hash in SHA256SUMS; choose another --out" in told


def test_what_a_longer_run_would_change_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(bandit(method(), method("GRPO", "grpo"), schedule=SCHEDULE), folder)
    assert train("short", "--optimizer.decay", "cosine") == 0
    told = refusal(capsys, "--optimizer.decay", "cosine", "--methods", "TPO")
    assert told.startswith(
        "short: holds other cells, which would not be trained longer: GRPO; train all cells"
    )
    assert train("short", "--optimizer.decay", "cosine", "--schedule.steps", "9") == 2
    assert capsys.readouterr().err.count("optimizer.decay = 'cosine' reached 0 after 4 steps") == 2
    for flags, words in [
        (("--schedule.steps", "3"), "schedule.steps: 4 in the results, 3 in this config"),
        (
            ("--schedule.steps", "9", "--task.actions", "6"),
            "task.actions: 10 in the results, 6 in this config",
        ),
    ]:
        assert train("short", "--optimizer.decay", "cosine", *flags) == 2
        assert words in capsys.readouterr().err


def test_seeds_that_join_a_block_are_refused_with_the_flags_that_help(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    assert train("short") == 0
    told = refusal(capsys, "--schedule.seeds", "3")
    assert "seeds 0 to 1 are one block in the results, but not in this run" in told
    assert "--schedule.first_seed 0 --schedule.seeds 2 first" in told
    assert train("short", "--schedule.steps", "9") == 0
    assert train("short", "--schedule.steps", "9", "--schedule.seeds", "3") == 0
    assert list(metrics("short")) == ["seeds-000000-000001", "seeds-000002-000002"]
