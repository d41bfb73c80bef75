"""Every flag and override that a message suggests is one that the command accepts."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tpo_runs._cli import main

CONFIGS = {
    "tokens": """\
task = { kind = "tokens", target = "copy", reward = "sequential", horizon = 4, vocab_size = 2 }
policy = { kind = "transformer" }
optimizer = { kind = "adam", learning_rate = 1e-3 }
schedule = { steps = 20 }
evaluation = { every = 10 }
grid = { "task.horizon" = [3, 4] }
executor = { kind = "slurm" }

[[method]]
name = "TPO (mine)"
objective = { kind = "tpo" }
rollout = { kind = "sequence_group", prompts = 8, candidates = 4 }
schedule = { epochs = 2 }

[[method]]
name = "PPO"
objective = { kind = "ppo" }
rollout = { kind = "single", prompts = 100 }
schedule = { epochs = 4 }
""",
    "bandit": """\
task = { kind = "symmetric_bandit" }
policy = { kind = "logit_table" }
optimizer = { kind = "adam", learning_rate = 0.1 }
schedule = { steps = 10 }

[[method]]
name = "DG"
objective = { kind = "dg" }
rollout = { kind = "all_actions", contexts = "all" }
""",
}
OTHERS = (
    *(
        "seed",
        "seeds",
        "lr",
        "steps",
        "epoch",
        "epochs",
        "gpu",
        "gpus",
        "cpu",
        "device",
        "batch",
        "batch_size",
    ),
    *("eta", "temperature", "group_size", "n", "candidate", "length", "learning-rate", "model", "method"),
    *(
        "connect_seconds",
        "resume",
        "config",
        "smokee",
        "dry-run",
        "verbose",
        "help-me",
        "outt",
        "output",
        "x",
    ),
)
COMMANDS = ("draw", "report", "summarize", "choose", "sample", "export", "schema")
# What a refusal says of an override that does not exist or changes nothing.
ABSENT = "unknown|no method|belongs to|no effect|no config|not a key"


def keys_of(schema: Any) -> Iterator[str]:
    """The names of all keys that a JSON Schema describes."""
    for value in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from keys_of(value)
    if isinstance(schema, dict):
        yield from (name for name in schema.get("properties", {}) if "." not in name)


@pytest.fixture
def keys(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Every key of every table of a config."""
    assert main(["schema"]) == 0
    keys = list(dict.fromkeys(keys_of(json.loads(capsys.readouterr().out))))
    assert {"steps", "first_seed", "learning_rate", "candidates", "top_p", "rank", "partition"} <= set(keys)
    return keys


def refusal(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The only line of a refusal; an empty string if the command line is accepted."""
    assert main(argv) in (0, 2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 1
    return "".join(lines)


def suggested(line: str) -> list[str]:
    hint = line.partition("did you mean ")[2].partition("?")[0]
    return re.findall(r"['\"](--.*?)['\"](?: or |$)", hint)


@pytest.mark.parametrize(("name", "value"), [("tokens", "1"), ("bandit", None)])
def test_a_suggested_override_exists_in_the_config(name, value, keys, tmp_path, capsys) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIGS[name])
    seen = set()
    for word in (*keys, *OTHERS) if value else OTHERS:
        line = refusal(["check", str(path), f"--{word}", *([value] if value else [])], capsys)
        assert f"--{word}" not in suggested(line)
        seen |= {flag for flag in suggested(line) if "." in flag}
    assert "--schedule.steps" in seen
    for flag in seen:
        fault = refusal(["check", str(path), flag, value or "1"], capsys)
        assert not re.search(ABSENT, fault), (flag, fault)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_suggested_flag_is_one_of_the_commands(command, capsys) -> None:
    argv = {"schema": ["schema"], "choose": ["choose", "out", "axis"]}
    argv["export"] = ["export", "out", "--to", "there"]
    start = argv.get(command, [command, "out"])
    flags = refusal([*start, "--qqq", "1"], capsys).partition("; flags: ")[2].split(", ")
    assert flags[0] == "--help"
    for word in (word for word in OTHERS if f"--{word}" not in flags):
        line = refusal([*start, f"--{word}", "1"], capsys)
        assert "unknown flag" in line
        assert set(suggested(line)) <= set(flags)


def test_an_override_is_suggested_as_the_config_needs_it(tmp_path: Path, capsys) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIGS["tokens"])
    for word, value, flags in (
        ("seed", "1", ["--schedule.seeds", "--schedule.first_seed"]),
        ("horizon", "5", ["--grid.task.horizon"]),
        ("epochs", "3", ["--method.TPO (mine).schedule.epochs"]),
        ("lr", "0.1", ["--optimizer.learning_rate"]),
        ("eta", "2", ["--method.TPO (mine).objective.eta"]),
        ("partition", "gpu", ["--executor.partition"]),
        ("top_p", "0.9", []),
        ("target_kl", None, ["--method.TPO (mine).objective.target_kl"]),
    ):
        line = refusal(["check", str(path), f"--{word}", *([value] if value else [])], capsys)
        assert "unknown flag" in line
        assert suggested(line) == flags
