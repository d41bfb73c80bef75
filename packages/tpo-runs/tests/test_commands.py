"""The commands `check`, `show` and `schema`, which train nothing and need no JAX."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tpo_runs import load_config
from tpo_runs._cli import main

CONFIG = """\
title = "Two methods [on a grid]"
task = { kind = "tokens", target = "copy", reward = "terminal", horizon = 4, vocab_size = 2 }
policy = { kind = "transformer" }
optimizer = { kind = "muon", learning_rate = 1e-3 }
schedule = { steps = 20, seeds = 5, epochs = 3 }
smoke = { schedule = { steps = 3 } }
grid = { "task.horizon" = [2, 4] }

[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "sequence_group", prompts = 8, candidates = 4 }
[[method]]
name = "PPO"
objective = { kind = "ppo" }
rollout = { kind = "single", prompts = 8 }
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def test_check_says_what_would_be_trained_and_writes_nothing(config, capsys):
    assert main(["check", str(config)]) == 0
    text = capsys.readouterr().out
    # 2 methods at 2 points, 5 seeds of 20 steps of 3 gradient steps, in blocks of 4.
    assert "4 cells: 20 seeds in 8 blocks, 400 episodes and 1,200 gradient steps, into results/config" in text
    assert text.count("horizon = 2") == text.count("horizon = 4") == 2
    assert list(config.parent.iterdir()) == [config]


def test_check_takes_what_a_run_takes(config, capsys):
    assert main(["check", str(config), "--smoke", "--methods", "PPO", "--schedule.seeds", "2"]) == 0
    text = capsys.readouterr().out
    assert "2 cells: 4 seeds in 2 blocks, 12 episodes" in text
    assert "results/config-smoke" in text


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_wrong_config_is_refused_with_one_line(command, config, capsys):
    config.write_text(CONFIG.replace("steps = 20", "step = 20"))
    assert main([command, str(config)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "schedule.step: unknown key; did you mean 'steps'?" in output.err


def test_check_finds_an_objective_that_is_missing(config, capsys):
    config.write_text(CONFIG.replace('kind = "ppo"', 'kind = "nowhere:loss"'))
    assert main(["check", str(config)]) == 2
    assert "there is no module 'nowhere'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [[], ["--smoke", "--methods", "TPO"], ["--method.TPO.objective.eta", "0.5"]]
)
def test_what_show_prints_is_a_config_of_the_same_cells(words, config, capsys):
    assert main(["show", str(config), *words]) == 0
    text = capsys.readouterr().out
    assert tomllib.loads(text)["optimizer"]["newton_schulz_steps"] == 5
    shown = config.with_name("shown.toml")
    shown.write_text(text)
    methods = words[words.index("--methods") + 1] if "--methods" in words else None
    overrides = [("method.TPO.objective.eta", "0.5")] if "0.5" in words else []
    expected = load_config(config, smoke="--smoke" in words, methods=methods, overrides=overrides)
    keys = [cell.key for cell in load_config(shown).cells]
    assert keys == [cell.key for cell in expected.cells]


def test_schema_prints_json(capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == [
        "task",
        "policy",
        "optimizer",
        "schedule",
        "method",
    ]


def listed(capsys, *words):
    """The descriptions of the kinds that `tpo-runs kinds` prints, by section and name."""
    assert main(["kinds", *words]) == 0
    sections = [part.splitlines() for part in capsys.readouterr().out.split("\n\n")]
    return {name: dict(row.split(maxsplit=1) for row in rows) for name, *rows in sections}


def test_kinds_describes_every_kind_probe_and_measure_that_a_config_can_have(capsys):
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    sections = listed(capsys)
    for section in ("task", "policy", "objective", "rollout", "optimizer", "figure", "executor"):
        tables = [
            schema["definitions"][option["$ref"].rpartition("/")[2]]
            for option in schema["definitions"][section]["anyOf"]
        ]
        expected = {
            (kind := table["properties"]["kind"]).get("const") or kind["examples"][0]: table["description"]
            for table in tables
        }
        assert expected == {kind: text.strip() for kind, text in sections[section].items()}
    assert list(sections["probes"]) == schema["properties"]["probes"]["items"]["enum"]
    measures = schema["definitions"]["evaluation"]["properties"]["measures"]["items"]["enum"]
    assert list(sections["measures"]) == measures
    assert sections["probes"]["misalignment"] == "For policy logit_table."
    assert sections["measures"]["held_out"] == "For task text. Records held_out_error."


def test_kinds_of_one_section(capsys):
    assert list(listed(capsys, "optimizer")) == ["optimizer"]


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["kinds", "tasks"], "tpo-runs kinds: 'tasks' has no kinds; did you mean 'task'? allowed: task, pol"),
        (["kinds", "schedule"], "'schedule' has no kinds; allowed: task, policy, objective"),
        (
            ["check"],
            "arguments are required: CONFIG; see tpo-runs check --help",
        ),
        (["check", "a.toml", "--out", "x"], "tpo-runs check: unknown flag '--out'"),
        (["show", "a.toml", "--smokee"], "did you mean '--smoke'?; flags: --help, --smoke, --methods"),
        (["schema", "a.toml"], "tpo-runs schema: unexpected argument 'a.toml'; expected no argument"),
        (["chekc", "a.toml"], "there is no command 'chekc'; did you mean 'tpo-runs check a.toml'?"),
    ],
)
def test_wrong_words_after_a_command_are_refused_with_one_line(argv, line, capsys):
    assert main(argv) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert line in told


@pytest.mark.parametrize("command", ["check", "show", "kinds", "schema"])
def test_every_command_has_a_help_of_its_own(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: tpo-runs {command}")


@pytest.mark.parametrize("command", ["check", "show", "kinds", "schema"])
def test_the_commands_do_not_load_jax(command, config):
    words = [command, str(config)] if command in ("check", "show") else [command]
    program = (
        "import sys; from tpo_runs._cli import main; code = main(sys.argv[1:]); "
        "sys.exit(code or bool({'jax', 'equinox', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
