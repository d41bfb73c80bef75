"""Trackers follow a run from its local results, are sent nothing twice, and can never stop it."""

import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reliability import UNDRAWN, contents

from tpo_runs import Store, load_config
from tpo_runs._cli import main
from tpo_runs._config import TRACKERS, TrackingSpec
from tpo_runs._run import Trackers


class Listener:
    """A tracker that remembers what it is told, and does something bad at a certain call."""

    def __init__(self, bad: str = "", act: Callable[[], None] = lambda: None):
        self.told: list[tuple[str, Any]] = []
        self._bad, self._act = bad, act

    def _tell(self, call: str, what: Any = None) -> None:
        self.told.append((call, what))
        if call == self._bad:
            self._act()

    def open(self, name, block):
        self._tell("open", block)
        return self

    def log(self, step, values):
        self._tell("log", (step, values))

    def close(self):
        self._tell("close")

    @property
    def rows(self) -> dict[int, dict[str, float]]:
        """All rows by step; none may be there twice."""
        rows = [row for call, row in self.told if call == "log"]
        assert len({step for step, _ in rows}) == len(rows)
        return dict(rows)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(UNDRAWN.replace("steps = 6000", "steps = 50"))
    return path


@pytest.fixture
def cell(config):
    return load_config(config).cells[0]


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "out")


def raising(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


@pytest.fixture
def trackers(store, monkeypatch):
    """Makes the trackers of a run, of which one is a listener."""

    def make(listener: Listener, warnings: list[str] | None = None, **settings: Any) -> Trackers:
        monkeypatch.setattr("tpo_runs._run.tracking.open_tracker", listener.open)
        warn = warnings.append if warnings is not None else pytest.fail
        return Trackers(TrackingSpec(to=("wandb",), **settings), store, warn)

    return make


def metrics_of(start: int, stop: int) -> dict[str, np.ndarray]:
    """The errors of two seeds: the step, and twice the step."""
    steps = np.arange(start, stop, dtype=np.float32)
    return {"error": np.stack([steps, 2 * steps])}


def test_rows_are_the_first_the_last_and_evenly_spaced_ones(cell, trackers):
    listener = Listener()
    follow = trackers(listener, points=5)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 15))
    follow.steps(15, metrics_of(15, 50))
    follow.end_block(complete=True)
    follow.close()
    assert list(listener.rows) == [0, 9, 19, 29, 39, 49]
    assert listener.rows[9] == {"error/mean": 13.5, "error/seed_0": 9.0, "error/seed_1": 18.0}
    assert [call for call, _ in listener.told] == ["open", *["log"] * 6, "close"]


def test_what_has_no_value_is_not_sent_and_seeds_may_be_left_out(cell, trackers):
    listener = Listener()
    follow = trackers(listener, seeds=False)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, {"error": np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])})
    follow.close()
    assert listener.rows == {0: {"error/mean": 2.0}, 1: {"error/mean": 5.0}}


def test_a_resumed_block_sends_only_what_is_new(cell, trackers):
    first, second = Listener(), Listener()
    follow = trackers(first)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.steps(20, metrics_of(20, 30))
    follow.close()
    # The run was killed, and its last checkpoint is from step 20.
    follow = trackers(second)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.steps(20, metrics_of(20, 40))
    follow.steps(40, metrics_of(40, 50))
    follow.end_block(complete=True)
    follow.close()
    assert list(first.rows) == list(range(30))
    assert list(second.rows) == list(range(30, 50))
    blocks = [dict(listener.told)["open"] for listener in (first, second)]
    assert blocks[0].id == blocks[1].id
    assert [block.first_step for block in blocks] == [0, 30]


def test_what_a_tracker_missed_is_sent_from_the_checkpoint(cell, trackers):
    failing = Listener("log", raising(ConnectionError("no network")))
    warnings: list[str] = []
    follow = trackers(failing, warnings)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.close()
    listener = Listener()
    follow = trackers(listener)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.close()
    assert list(listener.rows) == list(range(20))


def run_with(monkeypatch: pytest.MonkeyPatch, open_tracker: Callable[..., Any], argv: list[str]) -> int:
    monkeypatch.setattr("tpo_runs._run.tracking.open_tracker", open_tracker)
    monkeypatch.setattr("tpo_runs._run.check_installed", lambda names: None)
    return main(argv)


def test_a_run_sends_everything_and_a_second_run_nothing(config, monkeypatch):
    listener = Listener()
    assert run_with(monkeypatch, listener.open, [str(config), "--quiet", "--track", "wandb"]) == 0
    calls = [call for call, _ in listener.told]
    assert (calls[0], calls[-1]) == ("open", "close")
    assert calls.count("open") == calls.count("close") == 2
    blocks = [what for call, what in listener.told if call == "open"]
    assert [(block.cell, block.seeds) for block in blocks] == [("PG", "seeds 0 to 1"), ("DG", "seeds 0 to 1")]
    assert blocks[0].config["optimizer"]["learning_rate"] == 0.01
    assert blocks[1].config["objective"] == {"kind": "dg", "eta": 1.0}
    result = Store(config.parent / "results/config").results()[0]
    sent = dict(row for call, row in listener.told[: calls.index("close")] if call == "log")
    assert list(sent) == list(range(50))
    np.testing.assert_array_equal([row["error/seed_1"] for row in sent.values()], result.metrics["error"][1])

    again = Listener()
    assert run_with(monkeypatch, again.open, [str(config), "--quiet", "--track", "wandb"]) == 0
    assert again.told == []


def test_what_was_trained_without_a_tracker_is_sent_later_and_anew_after_overwrite(config, monkeypatch):
    assert main([str(config), "--quiet"]) == 0
    later, anew = Listener(), Listener()
    argv = [str(config), "--quiet", "--track", "wandb", "--methods", "PG"]
    assert run_with(monkeypatch, later.open, argv) == 0
    assert list(later.rows) == list(range(50))
    assert run_with(monkeypatch, anew.open, [*argv, "--overwrite"]) == 0
    assert list(anew.rows) == list(range(50))
    assert dict(later.told)["open"].id != dict(anew.told)["open"].id


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("open", SystemExit(3)),
        ("log", KeyboardInterrupt()),
        ("close", ValueError("broken")),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_tracker_that_fails_is_one_warning_and_no_bit_of_the_run(call, error, config, monkeypatch, capsys):
    assert main([str(config), "--quiet", "--out", "without", "--methods", "PG"]) == 0

    argv = [str(config), "--quiet", "--out", "with", "--methods", "PG", "--track", "wandb"]
    assert run_with(monkeypatch, Listener(call, raising(error)).open, argv) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tracker wandb: {type(error).__name__}")
    assert line.endswith("the results are intact")
    expected = contents(config.parent / "without")
    found = contents(config.parent / "with")
    found = {name: digest for name, digest in found.items() if "/tracking/" not in name}
    # Only the stored config says that there was a tracker.
    assert {name for name in expected if expected[name] != found[name]} == {"config.toml"}
    assert set(found) == set(expected)


def test_a_tracker_that_hangs_is_left_behind(cell, trackers):
    forever, warnings = threading.Event(), []
    follow = trackers(Listener("log", lambda: forever.wait(60) and None), warnings)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.close(seconds=0.2)
    (line,) = warnings
    assert line.startswith("tracker wandb: did not finish within 0.2 s; ")
    forever.set()


def test_trackers_are_no_part_of_what_a_result_is_stored_under(config):
    overrides = [("tracking.to", '["wandb"]'), ("tracking.project", "mine")]
    tracked = load_config(config, overrides=overrides)
    assert tracked.config.tracking.to == ("wandb",)
    assert [cell.key for cell in tracked.cells] == [cell.key for cell in load_config(config).cells]


def test_the_flag_wins_over_the_config(config, monkeypatch):
    config.write_text(config.read_text() + '\n[tracking]\nto = ["wandb"]\n')
    assert run_with(monkeypatch, pytest.fail, [str(config), "--quiet", "--track", ""]) == 0


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_extra_is_told_with_the_command_before_training(name, config, monkeypatch, capsys):
    found, hidden = importlib.util.find_spec, TRACKERS[name]
    monkeypatch.setattr(importlib.util, "find_spec", lambda it: None if it == hidden else found(it))
    assert main([str(config), "--track", name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"the tracker {name!r} is not installed; install it with: pip install 'tpo-runs[{name}]'"
    assert not (config.parent / "results").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--track", "wandbb"], "--tracking.to: 'wandbb' is not a tracker; did you mean 'wandb'?"),
        (["--track", "wandb,wandb"], "--tracking.to: the tracker 'wandb' appears twice"),
        (["--tracking.points", "0"], "--tracking.points: expected an integer from 1 to 1000000, found 0"),
        (["--tracking.porject", "x"], "--tracking.porject: unknown key; did you mean 'project'?"),
        (["--method.PG.tracking.to", "x"], "method.PG.tracking"),
    ],
)
def test_wrong_settings_are_refused_with_one_line(words, line, config, capsys):
    assert main([str(config), *words]) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert line in told
