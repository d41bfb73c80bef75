"""The bandit experiments as config files: what they refuse."""

import copy
import tomllib

import numpy as np
import pytest

MNIST = """\
metric = "test_error"
figures = [{ kind = "learning_curves", name = "curves" }, "final_errors"]
[task]
kind = "images"
dataset = "digits"
[policy]
kind = "mlp"
hidden = [4]
[optimizer]
kind = "adam"
learning_rate = 1e-3
[schedule]
steps = 4
seeds = 2
[evaluation]
every = 2
measures = ["test_error", "surplus"]
[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "all_actions", contexts = 20, samples = 1, baseline = "expected" }
"""
TABLE = """\
probes = ["misalignment"]
[task]
kind = "context_table"
contexts = 5
actions = 3
[policy]
kind = "logit_table"
[optimizer]
kind = "unit_norm"
learning_rate = 0.1
[schedule]
steps = 4
[[method]]
name = "PG"
objective = { kind = "reinforce" }
rollout = { kind = "exact_samples", contexts = "all", baseline = "none" }
"""
TRANSFORMER = 'kind = "transformer"'

WRONG = [
    (MNIST, 'kind = "mlp"\nhidden = [4]', 'kind = "logit_table"', "policy.kind: 'logit_table' cannot answer"),
    (TABLE, 'kind = "logit_table"', 'kind = "mlp"', "'mlp' cannot answer task 'context_table'; use policy"),
    (TABLE, 'kind = "logit_table"', TRANSFORMER, "policy.kind: 'transformer' cannot answer task"),
    (
        TABLE,
        'kind = "exact_samples", contexts = "all", baseline = "none"',
        'kind = "single", prompts = 3',
        "rollout.kind: 'single' cannot sample task 'context_table'; use rollout.kind = 'sampled_actions' or",
    ),
    (TABLE, '"reinforce"', '"tpo"', "use rollout.kind = 'action_group' or 'all_actions' or 'exact_group' or"),
    (TABLE, 'contexts = "all"', 'contexts = "al"', "rollout.contexts: expected an integer from 1"),
    (TABLE, 'contexts = "all"', "contexts = 0", "or 'all' for each once, found 0"),
    (
        TABLE,
        'contexts = "all"',
        "contexts = 1.5",
        "or 'all' for each once, found 1.5",
    ),
    (
        TABLE,
        '"none"',
        '"nune"',
        "did you mean 'none'? allowed: none, expected, expected_zscore, or a number to subtract",
    ),
    (TABLE, '"none"', "true", "rollout.baseline: true is not a baseline; allowed: none"),
    (TABLE, "actions = 3", "actions = 1", "task.actions: expected an integer from 2"),
    (
        TABLE,
        "[task]",
        "[evaluation]\nmeasures = ['test_error']\n[task]",
        "measure 'test_error' needs task.kind = 'images', not",
    ),
    (MNIST, "every = 2", "every = 5", "evaluation.every: 5 is more than schedule.steps = 4"),
    (MNIST, "hidden = [4]", "hidden = [0]", "policy.hidden: expected a list of at most 64 integers"),
    (MNIST, '"digits"', '"digit"', "task.dataset: expected one of mnist, digits"),
    (MNIST, "every = 2", "evry = 2", "evaluation.evry: unknown key; did you mean 'every'?"),
    (MNIST, '"surplus"', '"surplas"', "evaluation.measures: 'surplas' is not a measure; did you mean"),
    (MNIST, '"surplus"', '"test_error"', "evaluation.measures: the measure 'test_error' appears twice"),
    (
        MNIST,
        "samples = 1",
        "samples = 2",
        "evaluation.measures: 'surplus' needs a method",
    ),
    (MNIST, '"expected"', '"batch_zscore"', "evaluation.measures: 'surplus' needs"),
    (
        MNIST,
        "figures =",
        'probes = ["misalignment"]\nfigures =',
        "probe 'misalignment' needs policy.kind = 'logit_table', not 'mlp'",
    ),
    (
        MNIST,
        'metric = "test_error"',
        'metric = "tst_error"',
        "metric: 'tst_error' is not a metric of this run",
    ),
    (
        MNIST,
        'name = "curves"',
        'metric = "eror"',
        "figures.1.metric: 'eror' is not a metric of this run; did",
    ),
    (MNIST, 'name = "curves"', 'nme = "curves"', "figures.1.nme: unknown key; did you mean 'name'?"),
    (MNIST, 'name = "curves"', "log_x = 1", "figures.1.log_x: expected true or false, found 1"),
    (MNIST, 'name = "curves"', 'name = "a/b"', "figures.1.name: expected a file name without a folder"),
    (MNIST, 'name = "curves"', 'name = "final_errors"', "figures: the figure 'final_errors' appears twice"),
    (
        MNIST,
        '"learning_curves"',
        '"learning_curve"',
        "figures.1.kind: 'learning_curve' is not a kind of figure",
    ),
    (MNIST, '"final_errors"', '"binned_surplus"', "figures: 'binned_surplus' needs a table with after"),
    (MNIST, '"final_errors"', "3", "figures.2: expected a table, found 3"),
]


@pytest.mark.parametrize(("valid", "old", "new", "line"), WRONG, ids=[wrong[3][:40] for wrong in WRONG])
def test_what_does_not_fit_is_told_in_one_line(valid, old, new, line, tmp_path, capsys):
    from tpo_runs._cli import main

    assert old in valid
    path = tmp_path / "wrong.toml"
    path.write_text(valid.replace(old, new, 1))
    assert main([str(path), "--list"]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert line in told


def run(path, out, *more):
    from tpo_runs._cli import main

    return main([str(path), "--quiet", "--out", str(out), *more])


def metrics_of(out):
    from tpo_runs import Store

    return {result.method: result.metrics for result in Store(out).results()}


def test_missing_data_ends_the_run_before_any_training(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TPO_MNIST_DIR", raising=False)
    path = tmp_path / "mnist.toml"
    path.write_text(MNIST.replace('"digits"', '"mnist"\ndirectory = "/nowhere"'))
    assert run(path, tmp_path / "out") == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("task.dataset = 'mnist': MNIST directory /nowhere does not exist")
    assert not (tmp_path / "out").exists()


def test_evaluations_are_recorded_at_the_last_step_of_each_block(tmp_path):
    path = tmp_path / "digits.toml"
    path.write_text(MNIST)
    assert run(path, tmp_path / "out") == 0
    metrics = metrics_of(tmp_path / "out")["TPO"]
    columns = ["test_error", *(f"surplus_bin_{i}" for i in range(4))]
    assert {"error", "loss", *columns} == set(metrics)
    assert np.isfinite(metrics["error"]).all()
    assert np.isfinite(metrics["test_error"][:, [1, 3]]).all()
    assert all(np.isnan(metrics[name][:, [0, 2]]).all() for name in columns)
    # Barely trained, most digits are missed, and their wrong classes are nearly alike.
    assert (metrics["test_error"][:, [1, 3]] > 0.5).all()
    assert np.isfinite(metrics["surplus_bin_0"][:, [1, 3]]).all()
    assert "Final test error" in (tmp_path / "out/figures/summary.md").read_text()
    assert {"curves.png", "final_errors.png"} <= {file.name for file in (tmp_path / "out/figures").iterdir()}


def test_evaluation_is_part_of_a_cell_only_where_there_is_one():
    from tpo_runs import Config, expand

    raw = tomllib.loads(MNIST)
    (cell,) = expand(Config.model_validate(raw))
    assert cell.identity()["evaluation"] == {"every": 2, "measures": ["test_error", "surplus"]}
    none = {key: value for key, value in copy.deepcopy(raw).items() if key not in ("evaluation", "metric")}
    (without,) = expand(Config.model_validate(none))
    assert "evaluation" not in without.identity()
    assert without.key != cell.key
