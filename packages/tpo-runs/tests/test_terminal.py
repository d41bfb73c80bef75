"""What a run shows: bars on a terminal, plain lines elsewhere, events for machines, or nothing."""

import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reliability import CONFIG, UNDRAWN
from rich.console import Console

from tpo_runs import load_config
from tpo_runs._cli import main
from tpo_runs._run import Display, LiveDisplay, PlainDisplay, make_display

FAILING = """
def raises(logp, old_logp, scores):
    raise FloatingPointError("as a test")
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(UNDRAWN.replace("steps = 6000", "steps = 50"))
    return path


def terminal(width: int = 80, **environment: str) -> Console:
    """A console that writes what a terminal would get into memory."""
    settings = {"TERM": "xterm-256color", **environment}
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=24, _environ=settings)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def half_a_run(display: Any, config: Path) -> None:
    """Of two blocks of 50 steps, the first in four seconds, and half of the second."""
    cells = load_config(config).cells
    display.block(cells[0], [0, 1], 0)
    display.advance(50, 4.0, {"error": np.array([[0.25], [np.nan]])})
    display.end(4.0, {"1": 17})
    display.block(cells[1], [0, 1], 15)
    display.advance(25, 0.8, {"error": np.array([[0.125], [0.375]])})


def test_the_bars_tell_cell_block_step_error_speed_and_time_left(config):
    console = terminal()
    with LiveDisplay(console, 2, 100) as display:
        half_a_run(display, config)
        picture = Console(file=io.StringIO(), width=80)
        picture.print(display)
    title, block, run = (line.strip() for line in written(picture).splitlines())
    assert title == "[2/2] DG, seeds 0 to 1"
    # 10 steps of two seeds in 0.8 seconds.
    assert block.endswith("step 25 of 50, error 0.250, 25 episodes/s")
    # 60 steps were trained in 4.8 seconds, and 25 of 100 are left.
    assert run.endswith("about 2.0 s left")
    # A seed without a value is left out of the mean, and the line of the first block stays.
    assert "[1/2] PG, seeds 0 to 1: done in 4.0 s, error 0.250, 1 of 2 seeds diverged" in written(console)


def test_plain_lines_where_there_is_no_terminal(config, monkeypatch):
    clock = iter(range(0, 1000, 30))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    console = Console(file=io.StringIO(), width=140)
    with PlainDisplay(console, 2, 100) as display:
        half_a_run(display, config)
    assert written(console).splitlines() == [
        "[1/2] PG, seeds 0 to 1: 50 steps",
        "[1/2] PG, seeds 0 to 1: step 50 of 50, error 0.250, 25 episodes/s; 50% of the run, about 4.0 s left",
        "[1/2] PG, seeds 0 to 1: done in 4.0 s, error 0.250, 1 of 2 seeds diverged",
        "[2/2] DG, seeds 0 to 1: resumes at step 15 of 50",
        "[2/2] DG, seeds 0 to 1: step 25 of 50, error 0.250, 25 episodes/s; 75% of the run, about 2.0 s left",
    ]


def test_the_length_of_answers_is_shown_with_the_tokens_of_a_second(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(
        """
        probes = ["answer_length"]
        task = { kind = "length_ladder", horizon = 4 }
        policy = { kind = "transformer" }
        optimizer = { kind = "adam", learning_rate = 0.1 }
        schedule = { steps = 50, seeds = 2 }
        [[method]]
        name = "TPO"
        objective = { kind = "tpo" }
        rollout = { kind = "sequence_group", prompts = 10, candidates = 4 }
        """
    )
    cell = load_config(path).cells[0]
    console = Console(file=io.StringIO(), width=140)
    with PlainDisplay(console, 2, 100) as display:
        display._last -= 60
        display.block(cell, [0, 1], 0)
        display._last -= 60
        display.advance(20, 4.0, {"error": np.full((2, 20), 0.25), "answer_length": np.full((2, 20), 3.5)})
    # Ten episodes a second, each of 10 x 4 answers.
    assert "reward 0.750, 3.5 tokens per answer, 1.4e+03 tokens/s" in written(console)


def test_chunks_shortly_after_one_another_make_no_lines(config):
    console = Console(file=io.StringIO(), width=140)
    with PlainDisplay(console, 2, 100) as display:
        half_a_run(display, config)
    assert "50 of 50" not in written(console)


def test_time_left_forgets_what_has_failed(config):
    first, second = load_config(config).cells
    with Display(4, 200) as display:
        display.block(first, [0, 1], 0)
        display.advance(20, 1.0, {"error": np.zeros((2, 1))})
        display.skip(first, 2)
        display.block(second, [0, 1], 0)
    now = display.now
    assert now is not None
    assert (now.block, now.blocks, now.done, now.total) == (3, 4, 20, 120)
    assert now.left == pytest.approx(100 / 20)


@pytest.mark.parametrize(
    ("environment", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)]
)
def test_no_color_is_obeyed(environment, colored, config):
    console = terminal(**environment)
    display = make_display(console, 1, 50)
    assert isinstance(display, LiveDisplay)
    with display:
        display.warn("look out")
    assert ("\x1b[33m" in written(console)) == colored


@pytest.mark.parametrize(
    ("console", "kind"),
    [(terminal(TERM="dumb"), PlainDisplay), (Console(file=io.StringIO()), PlainDisplay)],
    ids=["dumb terminal", "file"],
)
def test_without_a_clever_terminal_lines_are_plain(console, kind):
    assert type(make_display(console, 1, 50)) is kind


def test_a_quiet_run_prints_nothing(config, capfd):
    assert main([str(config), "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_a_quiet_run_still_warns(config, capfd):
    (config.parent / "failing.py").write_text(FAILING)
    config.write_text(config.read_text().replace('kind = "dg"', 'kind = "failing:raises"'))
    assert main([str(config), "--quiet"]) == 1
    output = capfd.readouterr()
    assert output.out == ""
    (line,) = output.err.splitlines()
    assert line.startswith("DG: failed: FloatingPointError: as a test")


def test_a_run_ends_with_the_summary_and_what_has_failed(config, capsys):
    (config.parent / "failing.py").write_text(FAILING)
    config.write_text(config.read_text().replace('kind = "dg"', 'kind = "failing:raises"'))
    assert main([str(config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "failed: DG"
    titles = [line.strip() for line in lines if line.startswith(" ") and "rror (%)" in line]
    assert titles == ["Error (%) of every seed", "Final error (%) and speed"] or titles[-1].startswith(
        "Final"
    )


def events_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_events_tell_the_whole_run(config, capsys):
    config.write_text(CONFIG.replace("steps = 6000", "steps = 50"))
    assert main([str(config), "--json"]) == 0
    output = capsys.readouterr()
    events = events_of(output.out)
    assert output.err == ""
    assert all(event["time"] > 1.7e9 for event in events)
    begin, *middle, end = events
    assert (begin["event"], begin["out"], begin["blocks"], begin["run_steps"]) == (
        *("run", "results/config", 2, 100),
    )
    assert {event["event"] for event in middle} == {"compiling", "block", "progress", "block_end"}
    last = [event for event in middle if event["event"] == "progress"][-1]
    assert (last["method"], last["seeds"], last["step"], last["run_steps_done"]) == ("DG", [0, 1], 50, 100)
    assert last["error"] == pytest.approx(np.mean(last["errors"]))
    assert last["episodes_per_second"] > 0
    ends = [event for event in middle if event["event"] == "block_end"]
    assert [(event["method"], event["diverged"]) for event in ends] == [("PG", {}), ("DG", {})]
    assert (end["event"], end["code"], end["failed"]) == ("end", 0, [])
    assert [row["method"] for row in end["summary"]] == ["PG", "DG"]
    assert end["summary"][0]["interval"][0] <= end["summary"][0]["final"] <= end["summary"][0]["interval"][1]
    assert all(Path(name).exists() for name in end["files"])

    assert main([str(config), "--json"]) == 0
    again = events_of(capsys.readouterr().out)
    assert [event["event"] for event in again] == ["run", "note", "note", "end"]
    assert [row["final"] for row in again[-1]["summary"]] == [row["final"] for row in end["summary"]]


def test_what_others_print_is_no_event(config, capsys):
    (config.parent / "chatty.py").write_text(
        "def loss(logp, old_logp, scores):\n print('hi')\n return -logp\n"
    )
    config.write_text(config.read_text().replace('kind = "dg"', 'kind = "chatty:loss"'))
    assert main([str(config), "--json"]) == 0
    output = capsys.readouterr()
    assert events_of(output.out)[-1]["code"] == 0
    assert "hi" in output.err


def test_a_refusal_is_an_event_too(config, capsys):
    assert main([str(config), "--json", "--schedule.step", "3"]) == 2
    output = capsys.readouterr()
    (event,) = events_of(output.out)
    assert (event["event"], event["code"]) == ("end", 2)
    assert event["lines"] == output.err.splitlines()
