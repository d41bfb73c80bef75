"""Blocks trained elsewhere: orders in the store, a protocol of four calls, and the bytes of a serial run."""

import os
import signal
from pathlib import Path

import pytest
from reliability import CONFIG, contents, finish, run_serially, start, wait_for

from tpo_runs import ConfigError, Store, load_config
from tpo_runs._block import Surroundings
from tpo_runs._display import QuietDisplay
from tpo_runs._executor import Report, State, check_engine
from tpo_runs._in_process import InProcess
from tpo_runs._jobs import Block, missing_blocks
from tpo_runs._orders import Orders, end_earlier
from tpo_runs._progress import Reporter
from tpo_runs._signals import StopSignals
from tpo_runs._specs_executor import InProcessSpec, RaySpec, SlurmSpec
from tpo_runs._specs_tracking import TrackingSpec
from tpo_runs._tracking import Trackers
from tpo_runs._train_all import train_all
from tpo_runs._worker import work

SMALL = CONFIG.replace("steps = 6000", "steps = 40").replace("seeds = 2\nblock = 2", "seeds = 4\nblock = 2")
LOCAL = ("--executor.kind", "slurm", "--executor.cluster", "local")


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def blocks(config):
    store = Store(config.parent / "none")
    return [block for cell in load_config(config).cells for block in missing_blocks(cell, store)]


class Told(QuietDisplay):
    """A display that keeps the warnings."""

    def __init__(self):
        self.warnings = []

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def display():
    return Told()


@pytest.fixture
def around(display, blocks, tmp_path):
    """A run of the blocks that nobody stops."""
    store = Store(tmp_path / "out")
    reporter = Reporter(display, len(blocks), sum(block.cell.schedule.steps for block in blocks))
    return Surroundings(store, reporter, StopSignals(), Trackers(TrackingSpec(), store, reporter.warn))


class Scripted:
    """An executor with room for two blocks, each of which ends as its script says, the later ones first."""

    room = 2

    def __init__(self, fails):
        self.fails, self.held, self.most, self.cancelled = fails, [], 0, []

    def submit(self, block):
        self.held.append(block)
        self.most = max(self.most, len(self.held))

    def poll(self, seconds):
        block = self.held.pop()
        failed = block.name in self.fails
        running = {other.name: Report(State.RUNNING) for other in self.held}
        return {block.name: Report(State.FAILED, "no memory") if failed else Report(State.DONE)} | running

    def close(self):
        """Nothing is held."""

    def cancel(self, name):
        self.cancelled.append(name)
        self.held = [block for block in self.held if block.name != name]


def test_an_executor_gets_as_many_blocks_as_it_has_room_for(blocks, around):
    executor = Scripted(fails=())
    assert train_all(blocks, executor, around) == []
    assert executor.most == 2
    assert executor.cancelled == []


def test_a_cell_of_which_a_block_fails_is_given_up_and_the_others_go_on(blocks, around, display):
    executor = Scripted(fails={blocks[1].name})
    assert train_all(blocks, executor, around) == ["PG"]
    assert display.warnings == ["PG: failed: no memory"]
    assert executor.cancelled == [blocks[0].name]
    assert around.reporter.begun == 2


def test_the_blocks_of_a_run_have_names_of_their_own(blocks):
    assert len({block.name for block in blocks}) == len(blocks) == 4
    assert [block.program for block in blocks[:2]] == [(blocks[0].cell.key, 2)] * 2


@pytest.fixture
def orders(tmp_path):
    (tmp_path / "out").mkdir()
    return Orders.begin(tmp_path / "out")


def test_an_order_is_a_config_that_trains_its_block(orders, blocks, config):
    order = orders.give(blocks[1], config, cpus=1, short=False)
    (cell,) = load_config(orders.file(order.name)).cells
    assert (cell.key, [*range(2, 4)]) == (blocks[1].cell.key, list(blocks[1].seeds))
    assert (cell.schedule.first_seed, cell.schedule.seeds) == (2, 2)


def test_a_worker_trains_an_order_once_and_says_so(orders, blocks, config, monkeypatch):
    monkeypatch.setattr("tpo_runs._devices.set_up_jax", lambda **_: None)  # of this process
    order = orders.give(blocks[0], config, cpus=1, short=False)
    work(order)
    assert orders.started(order.name)
    stored = Store(order.store).block(blocks[0].cell.key, blocks[0].seeds)
    before = {path: path.stat().st_mtime_ns for path in stored.path.iterdir()}
    work(order)
    assert {path: path.stat().st_mtime_ns for path in stored.path.iterdir()} == before
    assert orders.failure(order.name) == ""


def test_an_order_that_is_withdrawn_is_not_trained(orders, blocks, config):
    order = orders.give(blocks[0], config, cpus=1, short=False)
    orders.withdraw(order.name)
    work(order)
    assert list((orders.directory.parent.parent).iterdir()) == [orders.directory.parent]


def test_a_worker_says_why_it_failed(orders, blocks, config, monkeypatch):
    monkeypatch.setattr("tpo_runs._devices.set_up_jax", lambda **_: None)
    order = orders.give(blocks[0], config, cpus=1, short=False)
    file = orders.file(order.name)
    file.write_text(file.read_text().replace("learning_rate = 0.01", "learning_rate = 0.02"))
    work(order)
    assert "install the same version there" in orders.failure(order.name)
    assert f"the whole traceback is in {order.store}/errors/" in orders.failure(order.name)


def test_orders_of_an_earlier_run_are_withdrawn(orders, blocks, config):
    order = orders.give(blocks[0], config, cpus=1, short=False)
    assert end_earlier(Store(order.store)) == [orders.run]
    assert not orders.wanted(order.name)
    assert end_earlier(Store(order.store)) == []


def test_a_missing_engine_is_told_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    check_engine(InProcessSpec())
    for spec, extra in ((RaySpec(), "ray"), (SlurmSpec(), "slurm")):
        with pytest.raises(ConfigError, match=rf"pip install 'tpo-runs\[{extra}\]'"):
            check_engine(spec)


def test_in_process_drops_a_block_that_is_given_up(blocks, config, around):
    executor = InProcess(config, around)
    try:
        for block in blocks[:2]:
            executor.submit(block)
        for block in blocks[:2]:
            executor.cancel(block.name)
        assert executor.poll() == {}
    finally:
        executor.close()


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
    config, expected = run_serially(CONFIG.replace("steps = 6000", "steps = 400000"), tmp_path)
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
    assert ("ended the jobs of 1 earlier run" in text) == (number == signal.SIGKILL)
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
