"""A real SLURM of one node: the bytes of a serial run, also when jobs are killed and requeued."""

import os
import signal

import pytest
from reliability import CONFIG, contents, finish, run_serially, start, wait_for
from slurm_daemons import ask, installed, slurm

pytestmark = pytest.mark.slurm
SLURM = ("--executor.kind", "slurm")
LONG = CONFIG.replace("steps = 6000", "steps = 100000")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """What the environment of a client needs."""
    if not installed() and not os.environ.get("TPO_SLURM_REQUIRED"):
        pytest.skip("SLURM is not installed")
    with slurm(tmp_path_factory.mktemp("slurm"), cpus=os.cpu_count() or 1) as environment:
        yield environment


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return run_serially(LONG, tmp_path_factory.mktemp("serial"))


def jobs(cluster, state):
    return ask(cluster, "squeue", "--noheader", f"--states={state}", "--format=%A").split()


def test_a_job_that_is_killed_and_requeued_goes_on_and_the_store_has_the_bytes_of_a_serial_run(
    cluster, serial, tmp_path
):
    config, expected = serial
    out = tmp_path / "out"
    process = start(config, "--out", out, "--quiet", *SLURM, **cluster)
    wait_for(lambda: list(out.glob("cells/*/checkpoints/*/step-*")))
    (job, *_) = wait_for(lambda: jobs(cluster, "running"))
    ask(cluster, "scontrol", "requeue", job)
    # SLURM has a requeued job wait for two minutes.
    wait_for(lambda: job in jobs(cluster, "pending"))
    ask(cluster, "scontrol", "update", f"JobId={job}", "StartTime=now")
    assert finish(process) == (0, "")
    assert contents(out) == expected


def test_a_run_that_is_stopped_leaves_no_job_and_a_checkpoint(cluster, serial, tmp_path):
    config, _ = serial
    out = tmp_path / "out"
    process = start(config, "--out", out, "--quiet", *SLURM, **cluster)
    wait_for(lambda: list(out.glob("cells/*/checkpoints/*/step-*")))
    process.send_signal(signal.SIGTERM)
    code, _ = finish(process)
    assert code == 143
    assert list(out.glob("cells/*/checkpoints/*/step-*"))
    wait_for(lambda: not jobs(cluster, "all") or not jobs(cluster, "pending,running"))


def test_the_jobs_of_a_run_that_is_killed_are_cancelled_and_the_next_run_goes_on(cluster, serial, tmp_path):
    config, expected = serial
    out = tmp_path / "out"
    process = start(config, "--out", out, "--quiet", *SLURM, **cluster)
    wait_for(lambda: list(out.glob("cells/*/checkpoints/*/step-*")))
    process.kill()
    process.communicate()
    left = jobs(cluster, "pending,running")
    assert left
    code, errors = finish(start(config, "--out", out, "--quiet", **cluster))
    assert code == 0
    assert "an earlier run left jobs" in errors
    assert not set(left) & set(jobs(cluster, "pending,running"))
    assert contents(out) == expected


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--executor.gpus", "3"), "SLURM has no room for a block (cpus = 1, gpus = 3, memory_gb = any)"),
        (
            ("--executor.partition", "nowhere"),
            "SLURM has no room for a block (cpus = 1, gpus = 0, memory_gb = any)",
        ),
    ],
)
def test_what_the_cluster_has_not_is_told_before_anything_is_submitted(
    words, line, cluster, serial, tmp_path
):
    code, errors = finish(start(serial[0], "--out", tmp_path / "out", "--quiet", *SLURM, *words, **cluster))
    assert code == 2
    assert errors.startswith(f"[executor] {line}: ")
    assert len(errors.splitlines()) == 1
    assert not (tmp_path / "out" / "jobs").exists()


def test_a_slurm_that_cannot_be_reached_is_told(serial, tmp_path):
    if not installed():
        pytest.skip("SLURM is not installed")
    (tmp_path / "slurm.conf").write_text("ClusterName=none\nSlurmctldHost=localhost\nSlurmctldPort=1\n")
    words = ("--out", tmp_path / "out", "--quiet", *SLURM)
    code, errors = finish(start(serial[0], *words, SLURM_CONF=str(tmp_path / "slurm.conf")))
    assert code == 2
    assert errors.startswith("[executor] SLURM has no room for a block")
    assert "Unable to contact slurm controller" in errors
    assert len(errors.splitlines()) == 1
