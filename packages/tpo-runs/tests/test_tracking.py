"""Trackers follow a run from its local results, are sent nothing twice, and can never stop it."""

import importlib.util
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reliability import CONFIG, contents

from tpo_runs import load_config
from tpo_runs._cli import main
from tpo_runs._specs_tracking import TRACKERS, TrackingSpec
from tpo_runs._store import Store
from tpo_runs._tracking import Trackers


class Listener:
    """A tracker that remembers what it is told, and does something bad at a certain call."""

    def __init__(self, bad: str = "", act: Callable[[], None] = lambda: None):
        self.told: list[tuple[str, Any]] = []
        self._bad, self._act = bad, act

    def _tell(self, call: str, what: Any = None) -> None:
        self.told.append((call, what))
        if call == self._bad:
            self._act()

    def begin_run(self, run):
        self._tell("begin_run", run)

    def begin_block(self, block):
        self._tell("begin_block", block)

    def log(self, rows):
        self._tell("log", rows)

    def end_block(self):
        self._tell("end_block")

    def end_run(self):
        self._tell("end_run")

    @property
    def rows(self) -> dict[int, dict[str, float]]:
        """All rows by step; none may be there twice."""
        rows = [row for call, rows in self.told if call == "log" for row in rows]
        assert len({step for step, _ in rows}) == len(rows)
        return dict(rows)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.replace("steps = 6000", "steps = 50"))
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


def trackers(
    store: Store, listener: Listener, warnings: list[str] | None = None, **settings: Any
) -> Trackers:
    spec = TrackingSpec(to=("wandb",), **settings)
    warn = (lambda line: warnings.append(line)) if warnings is not None else pytest.fail
    return Trackers(spec, store, warn, make=lambda name: listener)


def metrics_of(start: int, stop: int) -> dict[str, np.ndarray]:
    """The errors of two seeds: the step, and twice the step."""
    steps = np.arange(start, stop, dtype=np.float32)
    return {"error": np.stack([steps, 2 * steps])}


def test_rows_are_the_first_the_last_and_evenly_spaced_ones(cell, store):
    listener = Listener()
    follow = trackers(store, listener, points=5)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 15))
    follow.steps(15, metrics_of(15, 50))
    follow.end_block(complete=True)
    follow.close()
    assert list(listener.rows) == [0, 9, 19, 29, 39, 49]
    assert listener.rows[9] == {"error/mean": 13.5, "error/seed_0": 9.0, "error/seed_1": 18.0}
    assert [call for call, _ in listener.told] == ["begin_block", "log", "log", "end_block", "end_run"]


def test_what_has_no_value_is_not_sent_and_seeds_may_be_left_out(cell, store):
    listener = Listener()
    follow = trackers(store, listener, seeds=False)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, {"error": np.array([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])})
    follow.close()
    assert listener.rows == {0: {"error/mean": 2.0}, 1: {"error/mean": 5.0}}


def test_a_resumed_block_sends_only_what_is_new(cell, store):
    first, second = Listener(), Listener()
    follow = trackers(store, first)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.steps(20, metrics_of(20, 30))
    follow.close()
    # The run was killed, and its last checkpoint is from step 20.
    follow = trackers(store, second)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.steps(20, metrics_of(20, 40))
    follow.steps(40, metrics_of(40, 50))
    follow.end_block(complete=True)
    follow.close()
    assert list(first.rows) == list(range(30))
    assert list(second.rows) == list(range(30, 50))
    blocks = [dict(listener.told)["begin_block"] for listener in (first, second)]
    assert blocks[0].id == blocks[1].id
    assert [block.first_step for block in blocks] == [0, 30]


def test_what_a_tracker_missed_is_sent_from_the_checkpoint(cell, store):
    failing = Listener("log", raising(ConnectionError("no network")))
    warnings: list[str] = []
    follow = trackers(store, failing, warnings)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.close()
    listener = Listener()
    follow = trackers(store, listener)
    follow.begin_block(cell, [0, 1])
    follow.steps(0, metrics_of(0, 20))
    follow.close()
    assert list(listener.rows) == list(range(20))


def run_with(monkeypatch: pytest.MonkeyPatch, make: Callable[[str], Any], argv: list[str]) -> int:
    monkeypatch.setattr("tpo_runs._tracking.make_tracker", make)
    monkeypatch.setattr("tpo_runs._tracker.check_installed", lambda names: None)
    return main(argv)


def test_a_run_tells_everything_and_a_second_run_nothing(config, monkeypatch):
    listener = Listener()
    assert run_with(monkeypatch, lambda name: listener, [str(config), "--quiet", "--track", "wandb"]) == 0
    calls = [call for call, _ in listener.told]
    assert (calls[0], calls[-1]) == ("begin_run", "end_run")
    assert calls.count("begin_block") == calls.count("end_block") == 2
    run, blocks = listener.told[0][1], [what for call, what in listener.told if call == "begin_block"]
    assert run.config["optimizer"]["learning_rate"] == 0.01
    assert [(block.cell, block.seeds) for block in blocks] == [("PG", "seeds 0 to 1"), ("DG", "seeds 0 to 1")]
    assert blocks[1].config["objective"] == {"kind": "dg", "eta": 1.0}
    result = Store(config.parent / "results/config").results()[0]
    of_first = [rows for call, rows in listener.told[: calls.index("end_block")] if call == "log"]
    sent = dict(row for rows in of_first for row in rows)
    assert list(sent) == list(range(50))
    np.testing.assert_array_equal([row["error/seed_1"] for row in sent.values()], result.metrics["error"][1])

    again = Listener()
    assert run_with(monkeypatch, lambda name: again, [str(config), "--quiet", "--track", "wandb"]) == 0
    assert [call for call, _ in again.told] == ["begin_run", "end_run"]


def test_what_was_trained_without_a_tracker_is_sent_later_and_anew_after_overwrite(config, monkeypatch):
    assert main([str(config), "--quiet"]) == 0
    later, anew = Listener(), Listener()
    argv = [str(config), "--quiet", "--track", "wandb", "--methods", "PG"]
    assert run_with(monkeypatch, lambda name: later, argv) == 0
    assert list(later.rows) == list(range(50))
    assert run_with(monkeypatch, lambda name: anew, [*argv, "--overwrite"]) == 0
    assert list(anew.rows) == list(range(50))
    assert dict(later.told)["begin_block"].id != dict(anew.told)["begin_block"].id


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("make", ValueError("broken")),
        ("begin_run", SystemExit(3)),
        ("log", KeyboardInterrupt()),
        ("end_run", ValueError("broken")),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_tracker_that_fails_is_one_warning_and_no_bit_of_the_run(call, error, config, monkeypatch, capsys):
    assert main([str(config), "--quiet", "--out", "without", "--methods", "PG"]) == 0

    def make(name: str) -> Listener:
        if call == "make":
            raise error
        return Listener(call, raising(error))

    argv = [str(config), "--quiet", "--out", "with", "--methods", "PG", "--track", "wandb"]
    assert run_with(monkeypatch, make, argv) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tracker wandb: {type(error).__name__}")
    assert line.endswith("it is told no more, and the results are intact")
    expected = contents(config.parent / "without")
    found = contents(config.parent / "with")
    found = {name: digest for name, digest in found.items() if "/tracking/" not in name}
    # Only the stored config says that there was a tracker.
    assert {name for name in expected if expected[name] != found[name]} == {"config.toml"}
    assert set(found) == set(expected)


def test_a_tracker_that_hangs_is_left_behind(cell, store):
    forever, warnings = threading.Event(), []
    follow = trackers(store, Listener("log", lambda: forever.wait(60) and None), warnings)
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
