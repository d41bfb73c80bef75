"""Every kind of token task trains by its name in a config, and what does not fit is told."""

import pytest

from tpo_runs import ConfigError, load_config
from tpo_runs._config import TOKEN_KINDS

CONFIG = """
title = "A kind of token task"
figures = []

[task]
{task}

[policy]
kind = "transformer"
width = 4
layers = 1
heads = 1

[optimizer]
kind = "adam"
learning_rate = 1e-3

[schedule]
steps = 2
epochs = 1
seeds = 1

[[method]]
name = "TPO"
objective = {{ kind = "tpo", eta = 1.0 }}
rollout = {{ kind = "{rollout}", prompts = 3, candidates = 2 }}
"""
SIZES = "horizon = 2\nvocab_size = 4\n"
TASKS = {
    "sort": f'kind = "tokens"\ntarget = "sort"\nreward = "graded"\n{SIZES}',
    "modular_addition": f'kind = "tokens"\ntarget = "modular_addition"\nreward = "sequential"\n{SIZES}',
    "parity": f'kind = "tokens"\ntarget = "parity"\nreward = "terminal"\n{SIZES}',
    "skip_distractors": f'kind = "tokens"\ntarget = "skip_distractors"\nreward = "bag_of_tokens"\n{SIZES}',
    "brackets": f'kind = "brackets"\nreward = "sequential"\n{SIZES}',
    "multi_turn": f'kind = "multi_turn"\ntarget = "copy"\nreward = "bag_of_tokens"\nturns = 2\n{SIZES}',
    "noisy_verifier": (
        f'kind = "noisy_verifier"\ntarget = "copy"\nfalse_positives = 0.1\nfalse_negatives = 0.2\n{SIZES}'
    ),
}


def config(tmp_path, task, rollout="sequence_group"):
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.format(task=task, rollout=rollout))
    return path


def test_every_kind_is_here():
    assert set(TOKEN_KINDS) == {"tokens", *TASKS} - {"sort", "modular_addition", "parity", "skip_distractors"}


@pytest.mark.parametrize("name", TASKS)
def test_it_is_understood_and_built(name, tmp_path):
    from tpo_runs import build_policy, build_trainer

    (cell,) = load_config(config(tmp_path, TASKS[name])).cells
    task = build_trainer(cell).rollout.task
    assert (task.horizon, task.vocab_size) == (2, 4)
    assert callable(build_policy(cell))


@pytest.mark.parametrize("name", [pytest.param("brackets", marks=pytest.mark.slow), "multi_turn"])
def test_a_dense_reward_trains_groups_of_tokens(name, tmp_path):
    train(config(tmp_path, TASKS[name], "token_group"), tmp_path / "out")


@pytest.mark.parametrize(
    "name",
    [name if name == "noisy_verifier" else pytest.param(name, marks=pytest.mark.slow) for name in TASKS],
)
def test_it_trains_for_two_steps(name, tmp_path):
    train(config(tmp_path, TASKS[name]), tmp_path / "out")


def train(path, out):
    import numpy as np

    from tpo_runs import Store
    from tpo_runs._cli import main

    assert main([str(path), "--quiet", "--out", str(out)]) == 0
    (result,) = Store(out).results()
    assert result.metrics["error"].shape == (1, 2)
    assert np.isfinite(result.metrics["error"]).all()


@pytest.mark.parametrize(
    ("task", "rollout", "message"),
    [
        (TASKS["noisy_verifier"], "token_group", "task 'noisy_verifier' scores .*; use"),
        (TASKS["sort"], "token_group", "task.reward is 'graded'; use 'sequence_group'"),
        (
            TASKS["brackets"].replace("4", "3"),
            "sequence_group",
            "vocab_size = 3 is odd, but brackets come in",
        ),
        (
            TASKS["multi_turn"].replace("turns = 2", "turns = 3"),
            "sequence_group",
            "turns = 3 does not divide",
        ),
        (TASKS["sort"].replace('"sort"', '"sorted"'), "sequence_group", "did you mean 'sort'"),
    ],
)
def test_what_does_not_fit_is_told(task, rollout, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        load_config(config(tmp_path, task, rollout))
