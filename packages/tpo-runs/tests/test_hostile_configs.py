"""Configs by strangers: whatever they hold, one line says what is wrong, and at once."""

import os
import time

import pytest

from tpo_runs import ConfigError, load_config
from tpo_runs._cli import main

CONFIG = """
title = "Mini"
figures = ["learning_curves"]
[task]
kind = "symmetric_bandit"
actions = 5
[policy]
kind = "logit_table"
[optimizer]
kind = "adam"
learning_rate = 0.1
[schedule]
steps = 10
seeds = 2
block = 2
[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "all_actions", contexts = 8, samples = 1, baseline = "expected" }
"""


def written(folder, content=CONFIG):
    path = folder / "config.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path, capsys, *flags):
    """The lines with which a check refuses a config."""
    assert main(["check", str(path), *flags]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    return output.err.splitlines()


NUMBERS = [
    "method.TPO.rollout.baseline",
    "method.TPO.objective.eta",
    "optimizer.learning_rate",
    "optimizer.eps",
    "policy.initial_std",
    "schedule.steps",
    "schedule.seeds",
    "schedule.checkpoint_minutes",
    "task.actions",
]
NOT_NUMBERS = ["nan", "inf", "-inf", "1e400", "1" + "0" * 400, "0x" + "f" * 500, "true", "[1]", "1979-05-27"]


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=lambda value: value[:9])
@pytest.mark.parametrize("key", NUMBERS)
def test_what_is_no_finite_number_is_refused_by_its_key(key, value, tmp_path, capsys):
    (line,) = refused(written(tmp_path), capsys, f"--{key}", value)
    assert line.startswith(f"--{key}: ")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1" + "0" * 400])
def test_a_baseline_that_is_no_number_is_refused_in_the_file_and_on_the_grid(value, tmp_path, capsys):
    path = written(tmp_path, CONFIG.replace('"expected"', value))
    (line,) = refused(path, capsys)
    assert line.startswith(f"{path}: method 'TPO': rollout.baseline: expected a finite number")
    path = written(tmp_path, f'{CONFIG}[grid]\n"rollout.baseline" = [0.5, {value}]\n')
    (line,) = refused(path, capsys)
    assert line.startswith(f"{path}: grid.\"rollout.baseline\": method 'TPO': expected a finite number")


@pytest.mark.parametrize("value", ["1e300", "1e-300", "1e-45"])
def test_a_number_that_float32_would_make_infinite_or_zero_is_refused(value, tmp_path, capsys):
    for key in ("optimizer.learning_rate", "method.TPO.objective.eta"):
        (line,) = refused(written(tmp_path), capsys, f"--{key}={value}")
        assert line.startswith(f"--{key}: ")
        assert "float32" in line


def test_negative_zero_is_zero(tmp_path):
    cells = [
        load_config(written(tmp_path), overrides=[("policy.initial_std", zero)]).cells
        for zero in ("0.0", "-0.0")
    ]
    assert cells[0][0].key == cells[1][0].key


@pytest.mark.parametrize(
    "text",
    [
        "a" + ".a" * 200_000 + " = 1",
        f"['a'{' . a' * 100_000}]\nb = 1",
        "a = { b" + ".b" * 100_000 + " = 1 }",
        "a = " + "[" * 200_000,
        "a = " + "{ a = " * 100_000,
        '"\\' * 100_000,
        "figures = [" + ", ".join(f'{{ kind = "sweep", name = "{i}" }}' for i in range(20_000)) + "]",
        "grid = {" + ", ".join(f'"task.a{i}" = [1]' for i in range(30_000)) + "}\n" + CONFIG,
    ],
    ids=["dotted key", "dotted table", "dotted inline key", "lists", "tables", "quotes", "figures", "axes"],
)
def test_a_config_that_would_take_minutes_to_read_is_refused_within_seconds(text, tmp_path, capsys):
    began = time.process_time()
    assert refused(written(tmp_path, text), capsys)
    assert time.process_time() - began < 4


def test_dots_in_text_and_comments_are_no_keys(tmp_path):
    dots = "a." * 100
    path = written(tmp_path, CONFIG.replace('"Mini"', f'"\\"{dots}" # {dots}'))
    assert load_config(path).config.title == f'"{dots}'


def test_an_override_with_a_long_dotted_key_does_not_hang(tmp_path, capsys):
    (line,) = refused(written(tmp_path), capsys, "--policy.kind", "{ a" + ".a" * 50_000 + " = 1 }")
    assert line.startswith("--policy.kind: ")


def test_a_named_pipe_is_no_config(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.toml")
    (line,) = refused(tmp_path / "pipe.toml", capsys)
    assert "named pipe" in line


def test_a_pipe_of_the_shell_is_a_config(tmp_path):
    reader, writer = os.pipe()
    os.write(writer, CONFIG.encode())
    os.close(writer)
    assert load_config(tmp_path.__class__(f"/dev/fd/{reader}")).config.title == "Mini"
    os.close(reader)


def test_text_that_is_not_utf8_is_refused(tmp_path, capsys):
    (line,) = refused(written(tmp_path), capsys, "--tracking.project", "a\udcff")
    assert line.startswith("--tracking.project: ")


def test_a_grid_of_a_million_million_points_is_counted_and_refused(tmp_path, capsys):
    values = ", ".join(str(i / 1001) for i in range(1, 1001))
    axes = "".join(f'"optimizer.{key}" = [{values}]\n' for key in ("learning_rate", "b1", "b2", "eps"))
    (line,) = refused(written(tmp_path, f"{CONFIG}[grid]\n{axes}"), capsys)
    assert "grid: makes 1000000000000 cells" in line


@pytest.mark.parametrize("values", ["[1, 1.0]", "[0.5, 0.5]", "[9007199254740992, 9007199254740993]"])
def test_values_of_the_grid_that_come_to_the_same_are_refused(values, tmp_path, capsys):
    path = written(tmp_path, f'{CONFIG}[grid]\n"objective.eta" = {values}\n')
    (line,) = refused(path, capsys)
    assert line.startswith(f'{path}: grid."objective.eta": ')


def test_a_python_caller_gets_the_same_line(tmp_path):
    with pytest.raises(ConfigError, match=r"rollout\.baseline: expected a finite number"):
        load_config(written(tmp_path, CONFIG.replace('"expected"', "nan")))
