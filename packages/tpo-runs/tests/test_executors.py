"""Blocks trained in other processes: one function call each, and the bytes of a serial run."""

import os
import signal
import threading
from pathlib import Path

import pytest
from reliability import CONFIG, contents, finish, run_serially, start, wait_for

from tpo_runs import ConfigError, Store, load_config
from tpo_runs._config import TrackingSpec, config_of_block
from tpo_runs._run import (
    Block,
    Display,
    InProcess,
    Replacement,
    RunContext,
    Trackers,
    block_lock,
    blocks_of,
    check_installed,
    train_all,
    train_block_into_store,
)
from tpo_runs._signals import StopSignals

SMALL = CONFIG.replace("steps = 6000", "steps = 40").replace("seeds = 2\nblock = 2", "seeds = 4\nblock = 2")
LOCAL = ("--executor.kind", "slurm", "--executor.cluster", "local")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def blocks(config):
    return [block for cell in load_config(config).cells for block in blocks_of(cell)]


class RecordingDisplay(Display):
    """A display that keeps the warnings."""

    def __init__(self, blocks):
        super().__init__(len(blocks), sum(block.cell.schedule.steps for block in blocks))
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def display(blocks):
    return RecordingDisplay(blocks)


@pytest.fixture
def context(display, tmp_path):
    """A run of the blocks that nobody stops."""
    store = Store(tmp_path / "out")
    trackers = Trackers(TrackingSpec(), store, display.warn)
    return RunContext(store, display, StopSignals(), trackers, Replacement(store))


class Scripted(InProcess):
    """An executor each of whose blocks ends as its script says."""

    def __init__(self, fails):
        self.fails, self.ended = fails, []

    def train(self, blocks, failed):
        for block in blocks:
            if block.cell.key not in failed:
                self.ended.append(block)
                yield block, "no memory" if block.name in self.fails else ""

    def close(self):
        """Nothing is held."""


def test_a_cell_of_which_a_block_fails_is_dropped_and_the_others_go_on(blocks, context, display):
    executor = Scripted(fails={blocks[0].name})
    assert train_all(blocks, executor, context) == ["PG"]
    assert display.warnings == ["PG: failed: no memory"]
    assert executor.ended == [blocks[0], *blocks[2:]]
    assert context.display.begun == 2


def test_the_blocks_of_a_run_have_names_of_their_own(blocks):
    assert len({block.name for block in blocks}) == len(blocks) == 4
    assert [block.program for block in blocks[:2]] == [(blocks[0].cell.key, 2)] * 2


@pytest.fixture
def call(blocks, config, tmp_path, monkeypatch):
    """The keyword arguments that train the first block in this process."""
    monkeypatch.setattr("tpo_runs._run.set_up_jax", lambda **_: None)
    monkeypatch.chdir(tmp_path)
    return {
        "text": config_of_block(blocks[0].cell, blocks[0].seeds),
        "name": blocks[0].name,
        "store": str(tmp_path / "out"),
        "config": str(config),
        "directory": str(tmp_path),
        "cpus": 1,
        "short": False,
        "environment": {},
    }


def test_a_worker_trains_a_block_once_and_leaves_no_lock(call, blocks):
    assert train_block_into_store(**call) == ""
    stored = Store(call["store"]).block(blocks[0].cell.key, blocks[0].seeds)
    assert stored is not None
    before = {path: path.stat().st_mtime_ns for path in stored.path.iterdir()}
    assert train_block_into_store(**call) == ""
    assert {path: path.stat().st_mtime_ns for path in stored.path.iterdir()} == before
    assert [path.name for path in Path(call["store"]).iterdir()] == ["cells"]


def test_a_worker_returns_why_it_failed(call):
    call["text"] = call["text"].replace("learning_rate = 0.01", "learning_rate = 0.02")
    failure = train_block_into_store(**call)
    assert "install the same version there" in failure
    assert f"the full traceback is in {call['store']}/errors/" in failure


def test_a_worker_finds_an_objective_beside_the_config_and_sets_the_environment(call, tmp_path, monkeypatch):
    monkeypatch.setenv("TPO_OF_THE_RUN", "before")
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "own_objective.py").write_text("def loss(logp, old_logp, scores):\n    return -logp * scores\n")
    config = beside / "own.toml"
    config.write_text(SMALL.replace('{ kind = "reinforce" }', '{ kind = "own_objective:loss" }'))
    (cell, _) = load_config(config).cells
    block = Block(cell, (0, 1))
    call |= {"text": config_of_block(cell, block.seeds), "name": block.name, "config": str(config)}
    assert train_block_into_store(**{**call, "environment": {"TPO_OF_THE_RUN": "after"}}) == ""
    assert Store(call["store"]).block(cell.key, block.seeds) is not None
    assert os.environ["TPO_OF_THE_RUN"] == "after"


def test_a_block_that_another_process_trains_is_waited_for_and_not_trained_twice(call, blocks):
    store, held = Store(call["store"]), threading.Event()
    with block_lock(blocks[0], store, StopSignals()):
        # In a thread, which stands for the process of another run.
        waiting = threading.Thread(target=lambda: held.set() or train_block_into_store(**call))
        waiting.start()
        held.wait()
        waiting.join(2.5)
        assert waiting.is_alive()
        assert store.block(blocks[0].cell.key, blocks[0].seeds) is None
    waiting.join(60)
    assert store.block(blocks[0].cell.key, blocks[0].seeds) is not None


def test_a_run_in_this_process_takes_over_what_a_left_behind_worker_has_trained(blocks, config, context):
    executor = InProcess(config, context)
    ended = []
    try:
        for block, failure in executor.train(blocks[:1] * 2, set()):
            ended.append((block.name, failure))
    finally:
        executor.close()
    assert ended == [(blocks[0].name, "")] * 2


def test_a_missing_package_is_told_with_the_command_that_installs_it(config, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    check_installed(load_config(config).config)
    for kind in ("ray", "slurm"):
        with pytest.raises(ConfigError, match=rf"pip install 'tpo-runs\[{kind}\]'"):
            check_installed(load_config(config, overrides=[("executor.kind", kind)]).config)
    with pytest.raises(ConfigError) as caught:
        check_installed(load_config(config, overrides=[("tracking.to", '["trackio", "wandb"]')]).config)
    for line, name in zip(caught.value.lines, ("trackio", "wandb"), strict=True):
        assert f"pip install 'tpo-runs[{name}]'" in line


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """A config, and the files of the run in one process."""
    return run_serially(SMALL, tmp_path_factory.mktemp("serial"))


@pytest.mark.cluster
def test_jobs_of_submitit_on_this_machine_leave_the_bytes_of_a_serial_run(serial, tmp_path):
    pytest.importorskip("submitit")
    config, expected = serial
    code, errors = finish(start(config, "--out", tmp_path / "out", "--quiet", *LOCAL))
    assert (code, errors) == (0, "")
    assert contents(tmp_path / "out") == expected


@pytest.mark.cluster
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_stopped_or_killed_goes_on_from_its_workers_checkpoints(number, tmp_path):
    pytest.importorskip("submitit")
    config, expected = run_serially(CONFIG.replace("steps = 6000", "steps = 100000"), tmp_path)
    out = tmp_path / "out"
    process = start(config, "--out", out, "--quiet", *LOCAL)
    wait_for(lambda: list(out.glob("cells/*/checkpoints/*/step-*")))
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode == (143 if number == signal.SIGTERM else -9)
    if number == signal.SIGTERM:
        assert list(out.glob("cells/*/checkpoints/*/step-*"))
    process = start(config, "--out", out, *LOCAL)
    text = "".join(process.communicate(timeout=120))
    assert process.returncode == 0
    assert ("an earlier run left jobs" in text) == (number == signal.SIGKILL)
    assert contents(out) == expected
    wait_for(lambda: not workers_of(out))


def workers_of(out):
    """The processes that hold the store's name in their command line."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes()
        except OSError:
            continue
        if str(out).encode() in words and int(name) != os.getpid():
            found.append(int(name))
    return found


def test_a_block_is_named_by_its_cell_and_seeds(blocks):
    assert Block(blocks[0].cell, (0, 1)).name == f"{blocks[0].cell.key}-seeds-000000-000001"
