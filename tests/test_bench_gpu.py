"""Measuring on a GPU in one call: parts run one after the other, and what is done is kept."""

import json
import sys
import time
from pathlib import Path

import bench_gpu
import pytest
from bench_gpu import Part, run_parts

ROOT = Path(__file__).parents[1]

LATER = 600.0


def python(program):
    return (sys.executable, "-c", program)


def test_each_part_is_kept_with_its_seconds_and_how_busy_the_gpu_was(tmp_path):
    sleeps = Part("sleeps", [python("import time; time.sleep(2.5)")])
    reads = Part("reads", [python("import os, sys; sys.exit(int(os.environ['CODE']))")], {"CODE": "7"})
    done = run_parts([sleeps, reads], tmp_path, time.monotonic() + LATER, busy=lambda: 0.5)
    assert done == json.loads((tmp_path / "parts.json").read_text())
    assert [(part["part"], part["code"]) for part in done] == [("sleeps", 0), ("reads", 7)]
    assert done[0]["seconds"] == pytest.approx(2.5, abs=2.0)
    assert (done[0]["busy"], done[0]["measured"]) == (0.5, 2)


def test_a_command_that_fails_ends_its_part_and_not_the_others(tmp_path):
    fails = Part("fails", [python("raise SystemExit(3)"), python("open('wrong', 'w')")])
    done = run_parts([fails, Part("goes on", [python("")])], tmp_path, time.monotonic() + LATER)
    assert [(part["part"], part["code"]) for part in done] == [("fails", 3), ("goes on", 0)]
    assert not Path("wrong").exists()


def test_a_part_is_stopped_when_the_time_is_over_and_no_other_begins(tmp_path):
    endless = Part("endless", [python("import time; time.sleep(600)")])
    done = run_parts([endless, Part("never", [python("")])], tmp_path, time.monotonic() + 1.0)
    assert [(part["part"], part["code"]) for part in done] == [("endless", None)]
    assert done[0]["seconds"] < 60


def test_the_parts_name_programs_and_configs_that_exist(tmp_path):
    words = [word for part in bench_gpu.parts(tmp_path, tmp_path, 30) for c in part.commands for word in c]
    named = [Path(word) for word in words if word.startswith(str(ROOT))]
    assert len(named) >= 4
    assert all(path.exists() for path in named)


def test_without_nvidias_tools_nothing_is_measured(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert bench_gpu.busy_share() is None
