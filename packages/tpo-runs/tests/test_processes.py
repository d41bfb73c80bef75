"""One run over several processes: the same numbers, one that writes, and a word when one of them is gone."""

import signal

import numpy as np
import pyarrow.parquet as pq
import pytest
from reliability import CONFIG, contents
from together import ends, free_port, launching, wait_for_checkpoint

TABLES = CONFIG.partition('[[method]]\nname = "DG"')[0]
SHORT = TABLES.replace("steps = 6000", "steps = 400")
LONG = TABLES.replace("steps = 6000", "steps = 20000")
TOKENS = """
title = "One seed"
[task]
kind = "tokens"
target = "reverse_copy"
reward = "terminal"
horizon = 2
vocab_size = 2
[policy]
kind = "transformer"
width = 16
layers = 1
heads = 1
[optimizer]
kind = "adam"
learning_rate = 0.01
[schedule]
steps = 5
epochs = 2
seeds = 1
[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "sequence_group", prompts = 64, candidates = 4 }
"""
# JAX derives the port from the number of the job.
SLURM_PORTS = 65_536 - 4096


@pytest.fixture
def launcher():
    with launching() as launcher:
        yield launcher


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """Paths of configs, by name."""
    directory = tmp_path_factory.mktemp("configs")
    texts = {"short": SHORT, "long": LONG, "tokens": TOKENS}
    for name, text in texts.items():
        (directory / f"{name}.toml").write_text(text)
    return {name: directory / f"{name}.toml" for name in texts}


@pytest.fixture(scope="module")
def with_local_devices(configs):
    """The files of runs of one process, by config and number of devices."""
    known = {}

    def files(name, devices):
        if (name, devices) not in known:
            out = configs[name].parent / f"{name}-{devices}"
            with launching() as launcher:
                one = launcher.start_one(
                    configs[name], "--out", str(out), "--quiet", JAX_NUM_CPU_DEVICES=str(devices)
                )
                assert ends([one])[0] == [0]
            known[name, devices] = out
        return known[name, devices]

    return files


def metrics(out):
    """What the only block of a run holds, by name."""
    (path,) = out.glob("cells/*/seeds-*/metrics.parquet")
    return {name: np.array(values) for name, values in pq.read_table(path).to_pydict().items()}


def test_two_processes_under_slurm_end_with_the_bytes_of_two_local_devices(
    launcher, configs, with_local_devices, tmp_path
):
    job = free_port(SLURM_PORTS, 65_535) - SLURM_PORTS
    slurm = {"SLURM_JOB_ID": str(job), "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": "2"}
    words = ("--distributed", "--out", str(tmp_path / "out"))
    codes, outputs, errors = ends(
        [
            launcher.start_one(
                configs["short"], *words, **slurm, SLURM_PROCID=str(index), SLURM_LOCALID=str(index)
            )
            for index in range(2)
        ]
    )
    assert codes == [0, 0], errors
    assert "figures and tables" in outputs[0]
    assert outputs[1] == ""
    assert contents(tmp_path / "out") == contents(with_local_devices("short", 2))


@pytest.mark.slow
def test_four_processes_end_with_the_bytes_of_four_local_devices(
    launcher, configs, with_local_devices, tmp_path
):
    words = ("--quiet", "--schedule.seeds", "4", "--schedule.block", "4")
    assert ends(launcher.start(configs["short"], tmp_path / "four", 4, *words))[0] == [0] * 4
    settings = {"JAX_NUM_CPU_DEVICES": "4"}
    one = launcher.start_one(configs["short"], "--out", str(tmp_path / "one"), *words, **settings)
    assert ends([one])[0] == [0]
    assert contents(tmp_path / "four") == contents(tmp_path / "one")


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_processes_that_share_the_prompts_of_a_seed_get_its_numbers(
    count, launcher, configs, with_local_devices, tmp_path
):
    codes, outputs, _ = ends(launcher.start(configs["tokens"], tmp_path / "out", count, "--json"))
    assert codes == [0] * count
    # Nothing but events, though Gloo writes on standard output.
    assert all(line.startswith("{") for line in outputs[0].splitlines())
    assert outputs[1:] == [""] * (count - 1)
    expected = metrics(with_local_devices("tokens", 1))
    for name, values in metrics(tmp_path / "out").items():
        assert values == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("victim", [1, pytest.param(0, marks=pytest.mark.slow)])
def test_a_process_that_is_killed_ends_the_run_which_then_resumes_to_the_same_bytes(
    victim, launcher, configs, with_local_devices, tmp_path
):
    out = tmp_path / "out"
    processes = launcher.start(configs["long"], out, 2, "--quiet")
    wait_for_checkpoint(out, processes)
    processes[victim].send_signal(signal.SIGKILL)
    codes, _, errors = ends(processes)
    assert codes == [-9 if index == victim else 4 for index in range(2)]
    *_, last = errors[1 - victim].splitlines()
    assert last.startswith(f"process {victim} of 2 (")
    assert "has ended before the run did; what is saved is intact: the same command" in last
    codes, _, errors = ends(launcher.start(configs["long"], out, 2, "--quiet"))
    assert codes == [0, 0], errors
    assert contents(out) == contents(with_local_devices("long", 2))


@pytest.mark.slow
def test_a_process_that_is_killed_in_a_collective_ends_the_run(launcher, configs, tmp_path):
    endless = ("--schedule.steps", "1000000", "--schedule.checkpoint_minutes", "0.0001")
    processes = launcher.start(configs["tokens"], tmp_path / "out", 3, *endless)
    wait_for_checkpoint(tmp_path / "out", processes)
    processes[1].send_signal(signal.SIGKILL)
    codes, _, errors = ends(processes)
    assert codes == [4, -9, 4]
    assert all("process 1 of 3 (" in errors[index] for index in (0, 2))


@pytest.mark.parametrize(
    ("number", "code", "receiver"),
    [(signal.SIGTERM, 143, 1), pytest.param(signal.SIGINT, 130, 0, marks=pytest.mark.slow)],
)
def test_a_signal_to_any_process_saves_and_another_layout_goes_on_from_there(
    number, code, receiver, launcher, configs, with_local_devices, tmp_path
):
    out = tmp_path / "out"
    processes = launcher.start(configs["long"], out, 2, "--quiet")
    wait_for_checkpoint(out, processes)
    processes[receiver].send_signal(number)
    codes, outputs, errors = ends(processes)
    assert codes == [code, code]
    assert outputs == ["", ""]
    assert f"stopped by {number.name}; the same command goes on from there" in errors[0]
    one = launcher.start_one(configs["long"], "--out", str(out), "--quiet")
    codes, _, errors = ends([one])
    assert codes == [0]
    notice = "computed on 2 x 1 devices, from here on 1 device: equal up to rounding, not to the bit"
    assert notice in errors[0]
    expected = metrics(with_local_devices("long", 2))
    for name, values in metrics(out).items():
        assert values == pytest.approx(expected[name], rel=1e-5, abs=1e-6), name


OWN = """
import os

def raises_in_some(logp, old_logp, scores):
    if "FAILS" in os.environ:
        raise ValueError("no such loss")
    return -logp * scores
"""
OWN_METHOD = """
[[method]]
name = "Own"
objective = { kind = "own:raises_in_some" }
rollout = { kind = "sampled_actions", contexts = "all", samples = 4, baseline = 0.5 }
"""


@pytest.mark.slow
def test_a_cell_that_fails_in_one_process_fails_in_all_and_the_others_go_on(launcher, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    method = SHORT.index("[[method]]")
    config = tmp_path / "own.toml"
    config.write_text(SHORT[:method] + OWN_METHOD + SHORT[method:])
    out = tmp_path / "out"
    codes, _, errors = ends(launcher.start(config, out, 2, "--quiet", each=[{}, {"FAILS": "1"}]))
    assert codes == [1, 1]
    assert "Own: failed: RuntimeError: process 1 of 2 (" in errors[0]
    assert ": ValueError: no such loss (own.py, line 6)" in errors[0]
    (kept,) = (out / "errors").iterdir()
    assert "in raises_in_some" in kept.read_text()
    assert metrics(out)["error"].shape == (2 * 400,)


@pytest.mark.slow
def test_a_run_that_is_refused_in_the_first_process_ends_in_all(launcher, configs, tmp_path):
    out = tmp_path / "out"
    one = launcher.start_one(configs["long"], "--out", str(out), "--schedule.steps", "1000000", "--quiet")
    wait_for_checkpoint(out, [one])
    codes, outputs, errors = ends(launcher.start(configs["long"], out, 2, "--quiet"))
    assert codes == [2, 2]
    assert f"{out}: in use by process {one.pid}" in errors[0]
    assert (outputs, errors[1]) == (["", ""], "")
