"""Runs that are killed or stopped, at any moment: the same command ends with the bytes of a quiet run."""

import random
import signal
import subprocess
import sys
import time

import pytest
from reliability import CONFIG, contents, finish, start


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("configs") / "small.toml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="module")
def quiet(config):
    """The files of a run that nobody disturbs, and the seconds that it takes."""
    out = config.parent / "quiet"
    began = time.monotonic()
    assert finish(start(config, "--out", out, "--quiet"))[0] == 0
    return contents(out), time.monotonic() - began


def run_until_it_ends(config, out, kill_after):
    """Kill the run after each of some times, and let it end after the last; how often it was killed."""
    killed = 0
    for seconds in kill_after:
        process = start(config, "--out", out, "--quiet")
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.communicate()
    assert finish(start(config, "--out", out, "--quiet"))[0] == 0
    return killed


def test_a_run_killed_at_any_moment_ends_with_the_same_bytes(config, quiet, tmp_path):
    expected, seconds = quiet
    # While the first steps are compiled and trained, and while figures are drawn.
    killed = run_until_it_ends(config, tmp_path / "out", [seconds * share for share in (0.5, 0.8)])
    assert killed >= 1  # how many of them come before its end depends on the machine's load
    assert contents(tmp_path / "out") == expected


@pytest.mark.slow
@pytest.mark.parametrize("trial", range(5))
def test_a_run_killed_at_random_moments_ends_with_the_same_bytes(trial, config, quiet, tmp_path):
    expected, seconds = quiet
    moments = random.Random(trial)
    run_until_it_ends(config, tmp_path / "out", [moments.uniform(0, 1.1 * seconds) for _ in range(6)])
    assert contents(tmp_path / "out") == expected


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_stopped_run_saves_and_goes_on_from_there(number, code, config, quiet, tmp_path):
    out = tmp_path / "out"
    process = start(config, "--out", out)
    while not list(out.glob("cells/*/checkpoints/*/step-*")):
        assert process.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(60) == code
    output, errors = process.communicate()
    assert f"stopped by {number.name}; run the same command" in errors
    assert "Traceback" not in output + errors
    steps = [int(path.name[5:]) for path in out.glob("cells/*/checkpoints/*/step-*")]
    assert max(steps) > 0

    again = start(config, "--out", out)
    output, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
    assert f"resumes at step {max(steps):,}" in output
    assert contents(out) == quiet[0]


TWO_SIGNALS = """
import os, signal, time
from tpo_runs._signals import StopSignals
with StopSignals() as stop, stop.polled():
    os.kill(os.getpid(), signal.SIGTERM)
    assert stop.requested
    os.kill(os.getpid(), signal.SIGTERM)
    print("still here")
"""


def test_a_second_signal_ends_the_program_at_once():
    done = subprocess.run([sys.executable, "-c", TWO_SIGNALS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (143, "")
    assert "saving; once more ends it at once" in done.stderr
