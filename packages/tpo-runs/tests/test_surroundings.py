"""The program where a machine, a shell or a console is not as usual: it goes on, or ends with one line."""

import os
import signal
import subprocess
import sys

import pytest
from reliability import UNDRAWN, wait_for

CONFIG = UNDRAWN.replace("steps = 6000", "steps = 20").replace("A small run", "Títle \N{MINUS SIGN} 1")
CONFIG = CONFIG.partition('[[method]]\nname = "DG"')[0]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def settings(environment):
    base = {key: value for key, value in os.environ.items() if key not in environment}
    usual = {"JAX_NUM_CPU_DEVICES": "1", "JAX_PLATFORMS": "cpu"}
    return base | usual | {key: value for key, value in environment.items() if value is not None}


def program(config, *words, shell="", environment=None, before=""):
    """The program on a command line; `shell` follows it, `before` comes first."""
    line = f'{before} "$0" -m tpo_runs "$@" {shell}'
    command = ["bash", "-c", line, sys.executable, *map(str, words)]
    return subprocess.run(
        command,
        cwd=config.parent,
        env=settings(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"JAX_PLATFORMS": "CPU"},
            ["JAX_PLATFORMS=CPU", "did you mean 'cpu'?", "available: cpu", "tpo-runs[cuda12]"],
        ),
        ({"JAX_PLATFORMS": "gpuu"}, ["JAX_PLATFORMS=gpuu", "did you mean 'cuda'?", "available: cpu"]),
        ({"JAX_NUM_CPU_DEVICES": "0"}, ["JAX_NUM_CPU_DEVICES=0", "at least 1"]),
        ({"JAX_NUM_CPU_DEVICES": "abc"}, ["JAX_NUM_CPU_DEVICES=abc"]),
        ({"XLA_FLAGS": "--xla_foo=1"}, ["XLA_FLAGS=--xla_foo=1", "Unknown flag"]),
    ],
    ids=lambda value: next(iter(value.items())) if isinstance(value, dict) else "",
)
def test_an_environment_that_jax_cannot_use_is_told_in_one_line(environment, words, config):
    done = program(config, config, "--quiet", environment=environment)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.decode().splitlines()
    assert all(word in line for word in words), line
    assert not (config.parent / "results").exists()


def test_figures_need_no_window_and_asserts_no_interpreter_that_keeps_them(config):
    odd = {
        "MPLBACKEND": "foo",
        "PYTHONOPTIMIZE": "2",
        "PYTHONIOENCODING": "cp1252",
        "HOME": "/proc/nowhere",
        "XDG_CACHE_HOME": None,
        "TMPDIR": "/nowhere",
        "TERM": "dumb",
        "COLUMNS": "garbage",
        "NO_COLOR": "1",
    }
    config.write_text(CONFIG.replace("figures = []", 'figures = ["learning_curves"]'), encoding="utf-8")
    done = program(config, config, "--schedule.seeds=1", environment=odd)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"T\xedtle ? 1" in done.stdout
    assert (config.parent / "results/small/figures/learning_curves.png").exists()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_what_a_console_cannot_write_is_replaced(encoding, config):
    done = program(config, "show", config, environment={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert {"cp1252": b"T\xedtle ? 1", "ascii": b"T?tle ? 1"}[encoding] in done.stdout


def test_training_goes_on_where_standard_output_is_full_or_closed(config):
    done = program(config, config, "--out", "full", shell="> /dev/full")
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.decode().splitlines()
    assert "standard output: cannot be written: No space left on device" in line
    assert list(config.parent.glob("full/cells/*/seeds-*"))
    again = program(config, config, "--out", "full", "--json", shell=">&- 2>&-")
    assert (again.returncode, again.stdout, again.stderr) == (0, b"", b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a device that is full")
@pytest.mark.parametrize("words", [["show"], ["schema"], ["--version"]], ids=lambda words: words[0])
def test_a_command_that_only_prints_fails_with_one_line_on_a_full_disk(words, config):
    words = [*words, str(config)] if words == ["show"] else words
    done = program(config, *words, shell="> /dev/full")
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert "No space left on device" in line


def test_a_reader_that_has_enough_and_closed_streams_are_no_fault(config):
    shell = "| head -1; exit ${PIPESTATUS[0]}"
    done = program(config, "schema", shell=shell)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, b"", 1)
    done = program(config, "check", config, shell=">&- 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.slow
def test_few_open_files_and_a_directory_that_is_gone(config):
    gone = config.parent / "gone"
    gone.mkdir()
    before = f"ulimit -n 64; cd {gone}; rmdir {gone};"
    done = program(config, config, "--out", config.parent / "out", "--quiet", before=before)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_signal_while_python_imports_leaves_no_traceback(config):
    # Python says on standard error what it has imported, and this comes long before the last.
    command = [sys.executable, "-X", "importtime", "-m", "tpo_runs", str(config)]
    process = subprocess.Popen(
        command, cwd=config.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=settings({})
    )
    assert process.stderr is not None
    assert any(b"tpo_runs._streams" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert b"Traceback" not in errors


@pytest.mark.slow
def test_a_terminal_that_is_closed_stops_no_run_under_nohup(config):
    config.write_text(CONFIG.replace("steps = 20", "steps = 400000"), encoding="utf-8")
    out = config.parent / "out"
    command = ["bash", "-c", """trap '' HUP; exec "$@" """, "-", sys.executable, "-m", "tpo_runs"]
    process = subprocess.Popen(
        [*command, str(config), "--out", str(out), "--quiet"],
        cwd=config.parent,
        stderr=subprocess.PIPE,
        env=settings({}),
    )
    steps = wait_for(lambda: sorted(out.glob("cells/*/checkpoints/*/step-*")))
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: sorted(out.glob("cells/*/checkpoints/*/step-*"))[-1:] > steps[-1:])
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 143
    assert b"SIGHUP" not in errors
