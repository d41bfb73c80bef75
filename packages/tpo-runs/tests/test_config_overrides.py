"""Precedence of file, smoke table and command line, and what overrides can reach."""

from pathlib import Path
from typing import Any

import pytest

TEXT = """\
[task]
kind = "tokens"
target = "copy"
reward = "sequential"
horizon = 4
vocab_size = 2

[policy]
kind = "transformer"

[optimizer]
kind = "muon"
learning_rate = 1e-3
beta = 0.9

[schedule]
steps = 20
epochs = 4
seeds = 8

[[method]]
name = "GRPO (no KL)"
objective = { kind = "grpo", kl_coef = 0 }
rollout = { kind = "sequence_group", prompts = 100, candidates = 8 }

[[method]]
name = "DG, 1 epoch"
objective = { kind = "dg" }
rollout = { kind = "single", prompts = 100 }
schedule = { epochs = 1 }

[[method]]
name = "v1.5"
objective = { kind = "ppo" }
rollout = { kind = "single", prompts = 100 }
"""
SMOKE = """
[smoke]
title = "short"
methods = ["v1.5", "GRPO (no KL)"]
schedule = { steps = 3, seeds = 2 }
"""


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Load the config above, with more text at its end."""

    def load(*pairs: tuple[str, str], more: str = "", **options: Any) -> Any:
        from tpo_runs import load_config

        path = tmp_path / "config.toml"
        path.write_text(TEXT + more)
        return load_config(path, overrides=pairs, **options)

    return load


@pytest.fixture
def lines(load: Any, tmp_path: Path) -> Any:
    """The problems that loading gives, with `FILE` for the file's path."""

    def lines(*pairs: tuple[str, str], **options: Any) -> list[str]:
        from tpo_runs import ConfigError

        with pytest.raises(ConfigError) as caught:
            load(*pairs, **options)
        return [line.replace(str(tmp_path / "config.toml"), "FILE") for line in caught.value.lines]

    return lines


def test_the_command_line_wins_over_smoke_and_smoke_over_the_file(load: Any) -> None:
    def schedule(*pairs: tuple[str, str], smoke: bool) -> tuple[int, int, int]:
        found = load(*pairs, more=SMOKE, smoke=smoke).config.schedule
        return found.steps, found.seeds, found.epochs

    assert schedule(smoke=False) == (20, 8, 4)
    assert schedule(smoke=True) == (3, 2, 4)
    assert schedule(("schedule.steps", "7"), smoke=True) == (7, 2, 4)
    assert schedule(("schedule.steps", "7"), smoke=False) == (7, 8, 4)


def test_cells_follow_the_config(load: Any) -> None:
    loaded = load(("schedule.steps", "7"), more=SMOKE, smoke=True)
    assert {cell.schedule.steps for cell in loaded.cells} == {7}
    assert [cell.method for cell in loaded.cells] == ["GRPO (no KL)", "v1.5"]


def test_smoke_selects_methods_and_the_command_line_selects_others(load: Any) -> None:
    assert [method.name for method in load(more=SMOKE).config.method] == [
        "GRPO (no KL)",
        "DG, 1 epoch",
        "v1.5",
    ]
    assert [method.name for method in load(more=SMOKE, smoke=True).config.method] == ["GRPO (no KL)", "v1.5"]
    chosen = load(more=SMOKE, smoke=True, methods="DG, 1 epoch")
    assert [method.name for method in chosen.config.method] == ["DG, 1 epoch"]
    assert [cell.method for cell in chosen.cells] == ["DG, 1 epoch"]


def test_smoke_replaces_axes_and_lists_and_merges_tables(load: Any) -> None:
    more = '[grid]\n"task.horizon" = [5, 6]\n"task.vocab_size" = [2, 3]\n'
    more += '[smoke]\ngrid = { "task.horizon" = [2] }\nfigures = ["final_errors"]\npolicy = { width = 8 }\n'
    config = load(more=more, smoke=True).config
    assert config.grid == {"task.horizon": [2], "task.vocab_size": [2, 3]}
    assert config.figures == ("final_errors",)
    assert (config.policy.width, config.policy.layers) == (8, 2)


def test_smoke_can_change_a_kind(load: Any) -> None:
    more = '[smoke]\noptimizer = { kind = "adam", learning_rate = 0.1 }\n'
    assert load(more=more, smoke=True).config.optimizer.b1 == 0.9


def test_smoke_needs_its_table(lines: Any) -> None:
    assert lines(smoke=True) == ["FILE: --smoke needs a [smoke] table, and the config has none"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_flags_that_change_a_kind_may_come_in_any_order(load: Any, order: tuple[int, int]) -> None:
    pairs = [("optimizer.kind", "adam"), ("optimizer.learning_rate", "0.1")]
    optimizer = load(*(pairs[i] for i in order)).config.optimizer
    assert (optimizer.kind, optimizer.learning_rate) == ("adam", 0.1)


def test_the_last_of_equal_flags_wins(load: Any) -> None:
    assert load(("schedule.steps", "7"), ("schedule.steps", "8")).config.schedule.steps == 8


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.5", 0.5), ("1", 1.0), ("1_000", 1000.0), ("1e-3", 1e-3)],
)
def test_values_are_read_as_toml(load: Any, text: str, value: float) -> None:
    assert load(("optimizer.learning_rate", text)).config.optimizer.learning_rate == value


def test_values_that_are_no_toml_are_strings(load: Any, lines: Any) -> None:
    assert load(("task.target", "flip")).config.task.target == "flip"
    assert load(("task.target", '"flip"')).config.task.target == "flip"
    assert lines(("task.horizon", "ten")) == [
        "--task.horizon: expected an integer from 1 to 4096, found 'ten'"
    ]
    assert lines(("task.horizon", "3\nx = 4")) == [
        "--task.horizon: expected an integer from 1 to 4096, found '3\\nx = 4'"
    ]


@pytest.mark.parametrize("name", ["GRPO (no KL)", "DG, 1 epoch", "v1.5"])
def test_one_method_is_reached_by_its_name(load: Any, name: str) -> None:
    loaded = load((f"method.{name}.rollout.prompts", "7"), (f"method.{name}.schedule.epochs", "9"))
    changed = {cell.method: (cell.rollout.prompts, cell.schedule.epochs) for cell in loaded.cells}
    assert changed.pop(name) == (7, 9)
    assert all(prompts == 100 for prompts, _ in changed.values())


def test_a_methods_own_table_stays_when_the_shared_one_is_overridden(load: Any) -> None:
    epochs = {cell.method: cell.schedule.epochs for cell in load(("schedule.epochs", "7")).cells}
    assert epochs == {"GRPO (no KL)": 7, "DG, 1 epoch": 1, "v1.5": 7}


def test_an_axis_is_set_from_the_command_line(load: Any) -> None:
    loaded = load(("grid.task.horizon", "[2, 3]"), methods="v1.5")
    assert [cell.task.horizon for cell in loaded.cells] == [2, 3]


@pytest.mark.parametrize(
    ("flag", "value", "line"),
    [
        (
            "schedule.stepz",
            "3",
            "--schedule.stepz: unknown key; did you mean 'steps'? allowed: steps, epochs",
        ),
        ("schedule.steps", "0", "--schedule.steps: expected an integer from 1 to 1000000000, found 0"),
        (
            "schedule.steps.x",
            "1",
            "--schedule.steps: expected an integer from 1 to 1000000000, found a table",
        ),
        ("schedule.", "1", "--schedule.: unknown key; allowed: steps"),
        ("shedule.steps", "3", "--shedule.steps: unknown section; did you mean 'schedule'? allowed: task"),
        ("smoke.schedule.steps", "3", "--smoke.schedule.steps: unknown section; allowed: task"),
        (
            "objective.eta",
            "3",
            "--objective.eta: objective belongs to a method; use --method.NAME.objective.eta",
        ),
        (
            "optimizer.kind",
            "lion",
            "--optimizer.kind: 'lion' is not a kind of optimizer; allowed: muon",
        ),
        ("optimizer.kind", "adam", "--optimizer.learning_rate: missing; expected a number above 0"),
        (
            "method.TPO.objective.eta",
            "1",
            "--method.TPO.objective.eta: no method is named 'TPO'; allowed: GRPO",
        ),
        (
            "method.v1.5.objective",
            "1",
            "--method.v1.5.objective: expected --method.NAME.section.key; sections",
        ),
        ("method.v1.5.objectiv.eta", "1", "--method.v1.5.objectiv: unknown key; did you mean 'objective'?"),
        ("method.v1.5.objective.eta", "1", "--method.v1.5.objective.eta: unknown key; allowed: kind, clip"),
        (
            "method.v1.5.schedule.epok",
            "1",
            "--method.v1.5.schedule.epok: unknown key; did you mean 'epochs'?",
        ),
        (
            "method.v1.5.objective.kind",
            "tpo",
            "FILE: method 'v1.5': rollout.kind: 'single' makes single samples",
        ),
        ("grid.task.horizen", "[1]", "--grid.task.horizen: unknown key; did you mean 'horizon'?"),
        (
            "grid.task.horizon",
            "[]",
            "--grid.task.horizon: expected a list of 1 to 1000 values, found an empty",
        ),
        ("task.horizon", "[" * 5000, "--task.horizon: expected an integer from 1 to 4096, found '[["),
        ("task.horizon", "[" * 50 + "]" * 50, "--task.horizon: nested too deeply; at most 20 levels"),
        (".".join(["task"] * 50), "1", "nested too deeply"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_override_is_told_with_its_flag(lines: Any, flag: str, value: str, line: str) -> None:
    (told,) = lines((flag, value))
    assert line in told
    assert told.startswith(("--", "FILE: method"))
    assert "\n" not in told


def test_an_override_without_effect_is_refused(lines: Any) -> None:
    swept = '[grid]\n"task.horizon" = [5, 6]\n"rollout.prompts" = [3]\n'
    use = "has no effect: the grid sweeps it; use --grid."
    assert lines(("task.horizon", "7"), more=swept) == [f"--task.horizon: {use}task.horizon '[...]'"]
    assert lines(("method.v1.5.rollout.prompts", "7"), more=swept) == [
        f"--method.v1.5.rollout.prompts: {use}rollout.prompts '[...]'"
    ]
    pairs = [(f"method.{name}.schedule.epochs", "3") for name in ("GRPO (no KL)", "v1.5")]
    assert lines(("schedule.epochs", "7"), *pairs, more=SMOKE) == [
        "--schedule.epochs: has no effect: every method sets it; use --method.NAME.schedule.epochs"
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("v1.5", ["v1.5"]),
        ("v1.5,DG, 1 epoch", ["DG, 1 epoch", "v1.5"]),
        ("DG, 1 epoch,GRPO (no KL)", ["GRPO (no KL)", "DG, 1 epoch"]),
        ("v1.5, GRPO (no KL),", ["GRPO (no KL)", "v1.5"]),
    ],
)
def test_methods_are_selected_in_file_order(load: Any, text: str, names: list[str]) -> None:
    assert [method.name for method in load(methods=text).config.method] == names


def test_unknown_methods_are_told_with_the_nearest(lines: Any) -> None:
    first, second = lines(methods="DG, 2 epoch,v1.6")[0], lines(methods="v1.6")[0]
    assert first.startswith("--methods: no method is named 'DG'")
    assert second == (
        "--methods: no method is named 'v1.6'; did you mean 'v1.5'? allowed: GRPO (no KL), DG, 1 epoch, v1.5"
    )
    (empty,) = lines(methods="")
    assert empty.startswith("--methods: expected names separated by commas; allowed: GRPO (no KL)")
