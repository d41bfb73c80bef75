"""A baseline that leaves no signal is refused before training."""

import pytest
from test_hostile_configs import CONFIG, refused, written

from tpo_runs._cli import main

TOKENS = """
task = { kind = "tokens", target = "copy", reward = "terminal", horizon = 2, vocab_size = 2 }
policy = { kind = "transformer" }
optimizer = { kind = "adam", learning_rate = 0.1 }
schedule = { steps = 10 }
[[method]]
name = "PG"
objective = { kind = "reinforce" }
rollout = { kind = "single", prompts = PROMPTS, baseline = "BASELINE" }
"""


def bandit(folder, rollout, task='kind = "symmetric_bandit"'):
    objective = "tpo" if "all_actions" in rollout else "reinforce"
    head = CONFIG[: CONFIG.index("[[method]]")].replace('kind = "symmetric_bandit"', task)
    method = f'name = "PG"\nobjective = {{ kind = "{objective}" }}\nrollout = {{ {rollout} }}\n'
    return written(folder, f"{head}[[method]]\n{method}")


KINDS = ["sampled_actions", "all_actions"]
ONE_CONTEXT = 'kind = "context_table"\ncontexts = 1'


@pytest.mark.parametrize("baseline", ["batch_mean", "batch_zscore"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("contexts", "task", "key"),
    [
        ("1", 'kind = "symmetric_bandit"', "contexts"),
        ('"all"', 'kind = "symmetric_bandit"', "samples"),
        ('"all"', ONE_CONTEXT, "samples"),
    ],
)
def test_the_mean_of_one_sample_is_no_baseline(contexts, task, key, kind, baseline, tmp_path, capsys):
    rollout = f'kind = "{kind}", contexts = {contexts}, samples = 1, baseline = "{baseline}"'
    path = bandit(tmp_path, rollout, task)
    (line,) = refused(path, capsys)
    assert line.startswith(f"{path}: method 'PG': rollout.baseline: '{baseline}' ")
    assert f"rollout.{key} = 2" in line


def test_nor_is_that_of_one_prompt(tmp_path, capsys):
    path = written(tmp_path, TOKENS.replace("PROMPTS", "1").replace("BASELINE", "batch_mean"))
    (line,) = refused(path, capsys)
    assert line.startswith(f"{path}: method 'PG': rollout.baseline: ")
    assert "rollout.prompts = 2" in line


def test_an_axis_of_the_grid_that_reaches_one_sample_is_named(tmp_path, capsys):
    text = TOKENS.replace("PROMPTS", "4").replace("BASELINE", "batch_mean")
    assert refused(written(tmp_path, text + '[grid]\n"rollout.prompts" = [1, 2]\n'), capsys)


@pytest.mark.parametrize("baseline", ["none", "expected", "standardized_one_hot"])
def test_other_baselines_take_one_sample(baseline, tmp_path):
    rollout = f'kind = "sampled_actions", contexts = 1, samples = 1, baseline = "{baseline}"'
    assert main(["check", str(bandit(tmp_path, rollout))]) == 0


@pytest.mark.parametrize("rest", ["contexts = 2, samples = 1", "contexts = 1, samples = 2"])
def test_two_samples_have_a_mean(rest, tmp_path):
    rollout = f'kind = "sampled_actions", {rest}, baseline = "batch_mean"'
    assert main(["check", str(bandit(tmp_path, rollout))]) == 0
