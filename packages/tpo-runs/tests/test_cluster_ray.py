"""A real Ray cluster of several nodes as processes: the bytes of a serial run, also when a node is killed."""

import os
import signal

import pytest
from reliability import CONFIG, contents, finish, run_serially, start, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.filterwarnings("default")]
RAY = ("--executor.kind", "ray")
LONG = CONFIG.replace("steps = 6000", "steps = 200000").replace(
    "seeds = 2\nblock = 2", "seeds = 4\nblock = 2"
)


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return run_serially(LONG, tmp_path_factory.mktemp("serial"))


@pytest.fixture
def cluster(monkeypatch):
    """A head without cores, and two nodes of one core each."""
    if not os.environ.get("TPO_CLUSTER_REQUIRED"):
        pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "1")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


def test_a_node_that_is_killed_costs_no_block_and_no_byte(cluster, serial, tmp_path):
    config, expected = serial
    out = tmp_path / "out"
    process = start(config, "--out", out, *RAY, "--executor.address", cluster.address)
    wait_for(lambda: process.poll() is not None or list(out.glob("cells/*/checkpoints/*/step-*")))
    assert process.poll() is None, process.communicate()
    cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
    code, errors = finish(process)
    assert code == 0, errors
    assert contents(out) == expected


def test_a_run_that_is_stopped_has_its_workers_save_and_goes_on(cluster, serial, tmp_path):
    config, expected = serial
    out = tmp_path / "out"
    ray = (*RAY, "--executor.address", cluster.address)
    process = start(config, "--out", out, "--quiet", *ray)
    wait_for(lambda: list(out.glob("cells/*/checkpoints/*/step-*")))
    process.send_signal(signal.SIGTERM)
    code, errors = finish(process)
    assert code == 143
    assert "stopped by SIGTERM" in errors
    assert list(out.glob("cells/*/checkpoints/*/step-*"))
    assert finish(start(config, "--out", out, "--quiet", *ray))[0] == 0
    assert contents(out) == expected


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--executor.gpus", "3"), "Ray on this machine has no room for a block (cpus = 1, gpus = 3, memory"),
        (
            ("--executor.address", "127.0.0.1:1"),
            "the Ray cluster at 127.0.0.1:1 cannot be reached: Connection",
        ),
    ],
)
def test_what_ray_has_not_is_told_before_anything_is_submitted(words, line, serial, tmp_path):
    pytest.importorskip("ray")
    code, errors = finish(start(serial[0], "--out", tmp_path / "out", "--quiet", *RAY, *words))
    assert code == 2
    assert errors.startswith(f"[executor] {line}")
    assert len(errors.splitlines()) == 1
    assert not (tmp_path / "out" / "jobs").exists()
