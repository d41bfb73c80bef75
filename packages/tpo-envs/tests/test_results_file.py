"""Where `run_suite` writes: files that are whole, links, modes, and streams."""

import json
import os
import stat
import subprocess
import sys
import threading

import pytest

from tpo_envs import make_numpy, run_suite

TASK = "token-reversal-bag-h4-v2"
posix = pytest.mark.skipif(os.name == "nt", reason="modes and pipes are those of POSIX")


def uniform(task, seed):
    return lambda inputs: task.random_answers(seed, len(inputs))


def write(out, tasks=(TASK,)):
    return run_suite(uniform, tasks, n=10, out=out)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path, umask, expected):
    before = os.umask(umask)
    try:
        write(tmp_path / "results.json")
    finally:
        os.umask(before)
    assert mode(tmp_path / "results.json") == expected


@posix
def test_an_existing_file_keeps_its_mode_and_a_link_its_target(tmp_path):
    file, link = tmp_path / "there" / "results.json", tmp_path / "link.json"
    file.parent.mkdir()
    file.write_text("before")
    file.chmod(0o640)
    link.symlink_to(file)
    results = write(link)
    assert link.is_symlink()
    assert json.loads(file.read_text()) == results
    assert mode(file) == 0o640
    assert os.listdir(file.parent) == ["results.json"]


def test_a_tilde_is_the_home_directory_and_missing_directories_are_made(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    results = write("~/new/one/results.json")
    assert json.loads((tmp_path / "new" / "one" / "results.json").read_text()) == results


def test_a_long_name_is_a_name(tmp_path):
    file = tmp_path / ("r" * 250 + ".json")
    write(file)
    assert os.listdir(tmp_path) == [file.name]


def test_a_directory_is_refused_before_anything_is_run(tmp_path):
    def never(task, seed):
        raise AssertionError("run")

    with pytest.raises(IsADirectoryError, match="a directory: name a file in it"):
        run_suite(never, [TASK], out=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        run_suite(never, [TASK], out=tmp_path / "file" / "results.json")


@posix
def test_a_pipe_gets_the_results_once_and_stays_a_pipe(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    results = write(pipe, [TASK, "bandit-c1-a10-gap1"])
    reader.join(10)
    assert json.loads(read[0]) == results
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
def test_devices_stay_devices():
    write(os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    if os.path.exists("/dev/full"):
        with pytest.raises(OSError, match="No space"):
            write("/dev/full")


@posix
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_in_a_file_keeps_what_was_printed(tmp_path, name):
    code = (
        "import tpo_envs\nprint('before')\n"
        "uniform = lambda t, s: lambda x: t.random_answers(s, len(x))\n"
        f"tpo_envs.run_suite(uniform, {TASK!r}, n=10, out={name!r})\n"
        "print('after')"
    )
    with open(tmp_path / "log", "w") as log:
        subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
    lines = (tmp_path / "log").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("before", "after")
    assert list(json.loads("\n".join(lines[1:-1]))["tasks"]) == [TASK]


def test_what_was_scored_before_an_error_is_written_to_a_stream_too(tmp_path):
    code = f"""
import tpo_envs
def method(task, seed):
    if hasattr(task, "horizon"):
        raise ValueError("out of luck")
    return lambda x: x
tpo_envs.run_suite(method, ["bandit-c1-a10-gap1", {TASK!r}], n=10, out="/dev/stdout")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert list(json.loads(done.stdout)["tasks"]) == ["bandit-c1-a10-gap1"]
    assert "out of luck" in done.stderr
    assert TASK in done.stderr


def test_an_error_while_writing_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    file = tmp_path / "results.json"
    file.write_text("before")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(file)
    assert file.read_text() == "before"
    assert os.listdir(tmp_path) == ["results.json"]


def test_every_seed_gets_a_task_of_its_own():
    def spoils(task, seed):
        task.random_score = 17.0
        return lambda inputs: make_numpy(TASK).random_answers(seed, len(inputs))

    assert run_suite(spoils, TASK, n=10)["tasks"][TASK]["random_score"] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        make_numpy("bandit-c1-a10-gap1").labels[:] = 3
