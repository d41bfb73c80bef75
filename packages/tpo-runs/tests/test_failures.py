"""Seeds that diverge, cells that fail, disks that refuse, and directories in use: nothing else is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reliability import CONFIG, UNDRAWN, contents, finish, start

from tpo_envs import symmetric_bandit
from tpo_models import LogitTable
from tpo_objectives import reinforce
from tpo_runs import Store, Trainer, initial_state, train
from tpo_runs._cli import main
from tpo_runs._learn import SampledActions, bandit_baseline, unit_norm
from tpo_runs._run import drop_programs

SHORT = UNDRAWN.replace("steps = 6000", "steps = 30")
OWN = """
import jax.numpy as jnp

def lost_when_it_wins(logp, old_logp, scores):
    return jnp.where(jnp.any(scores > 0), jnp.nan, 1.0) * logp

def lost_at_once(logp, old_logp, scores):
    return jnp.nan * logp

def branches(logp, old_logp, scores):
    return logp if scores.max() > 0 else -logp

def does_not_fit(logp, old_logp, scores):
    return jnp.reshape(logp, (7, -1))

def raises(logp, old_logp, scores):
    raise ValueError("no such loss\\nwith a second line")

def leaves(logp, old_logp, scores):
    raise SystemExit("enough")

def interrupts(logp, old_logp, scores):
    raise KeyboardInterrupt

def closes(logp, old_logp, scores):
    raise GeneratorExit

def recurses(logp, old_logp, scores):
    return recurses(logp, old_logp, scores)

def one_number(logp, old_logp, scores):
    return jnp.mean(logp * scores)

def a_list(logp, old_logp, scores):
    return [logp]

def root(logp, old_logp, scores):
    return jnp.sqrt(-scores) * logp

def slope(logp, old_logp, scores):
    return jnp.sqrt(logp - logp) * scores

def whole_numbers(logp, old_logp, scores):
    return jnp.zeros(logp.shape, int)
"""
OWN_METHOD = """
[[method]]
name = "Own"
objective = { kind = "own:FUNCTION" }
rollout = { kind = "sampled_actions", contexts = "all", samples = 4, baseline = 0.5 }
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    path = tmp_path / "small.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that tests copy."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.toml").write_text(SHORT)
    assert main([str(folder / "small.toml"), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder / "out"


@pytest.fixture
def finished_config(config, finished):
    """The config beside its finished run."""
    shutil.copytree(finished, config.parent / "out")
    return config


def with_own(config, function):
    config.write_text(SHORT + OWN_METHOD.replace("FUNCTION", function))
    return config


def errors_of(code, config, *words, capsys):
    assert main([str(config), "--out", str(config.parent / "out"), "--quiet", *words]) == code
    return capsys.readouterr().err.splitlines()


# Seeds that diverge.


def trained(poison=None):
    """The metrics of six steps of three seeds; `poison` spoils the states after three of them."""
    rollout = SampledActions(symmetric_bandit(4), "all", 4, bandit_baseline(0.5))
    trainer = Trainer(rollout, reinforce, unit_norm(learning_rate=0.1), epochs=1)
    seeds = jnp.arange(3)
    state = initial_state(
        trainer, lambda key: LogitTable(contexts=1, actions=4, initial_std=0.0, key=key), seeds
    )
    metrics = []
    for first, stop in ((0, 3), (3, 6)):
        chunks = list(train(trainer, state, seeds, stop, first_step=first))
        metrics += [chunk.metrics["loss"] for _, chunk in chunks]
        state = chunks[-1][0]
        state = poison(state) if poison and stop == 3 else state
    return np.concatenate(metrics, axis=1), state


@pytest.fixture(scope="module")
def healthy():
    return trained()[0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_seed_that_diverges_is_frozen_and_the_others_keep_every_bit(value, healthy):
    def poison(state):
        return eqx.tree_at(lambda s: s.policy.logits, state, state.policy.logits.at[1].set(value))

    spoiled, state = trained(poison)
    assert healthy[[0, 2]].tobytes() == spoiled[[0, 2]].tobytes()
    assert spoiled[1, :3].tobytes() == healthy[1, :3].tobytes()
    assert np.isnan(spoiled[1, 3:]).all()
    np.testing.assert_array_equal(state.policy.logits[1], np.full((1, 4), value))


def test_a_method_that_diverges_is_reported_and_the_code_says_so(config, capsys):
    lines = errors_of(3, with_own(config, "lost_when_it_wins"), capsys=capsys)
    assert any(line.startswith("Own: seed 0 diverged at step ") for line in lines)
    assert all(line.startswith("Own: seed ") for line in lines)
    results = {result.method: result for result in Store(config.parent / "out").results()}
    assert not np.isnan(results["PG"].metrics["loss"]).any()
    assert set(results["Own"].provenance["diverged"]) == {"0", "1"}
    assert "Diverged, NaN or infinite" in (config.parent / "out/figures/summary.md").read_text()
    assert errors_of(3, config, capsys=capsys) == []  # nothing is trained, and the code is the same


def test_a_method_that_is_lost_at_the_first_step_is_drawn_as_nothing(config, capsys):
    lines = errors_of(3, with_own(config, "lost_at_once"), "--methods", "Own", capsys=capsys)
    assert all(line.startswith("Own: seed ") and "diverged at step 0" in line for line in lines)
    assert "| Own | 2 | 30 | – |" in (config.parent / "out/figures/summary.md").read_text()


# Cells that fail.


def test_an_exception_in_one_cell_leaves_the_others(config, capsys):
    (line,) = errors_of(1, with_own(config, "raises"), capsys=capsys)
    assert line.startswith(
        "Own: failed: ValueError: no such loss (own.py, line 17); the full traceback is in"
    )
    out = config.parent / "out"
    assert {result.method for result in Store(out).results()} == {"PG", "DG"}
    (kept,) = (out / "errors").glob("*.txt")
    assert "with a second line" in kept.read_text()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (
            "branches",
            "(own.py, line 11); JAX compiles this function: compute with jax.numpy, and ",
        ),
        ("does_not_fit", "(own.py, line 14); the full traceback"),
    ],
)
def test_a_mistake_is_placed_in_the_users_file(function, words, config, capsys):
    (line,) = errors_of(1, with_own(config, function), "--methods", "Own", capsys=capsys)
    assert line.startswith("Own: failed: ")
    assert words in line


def test_whatever_objectives_do_is_the_failure_of_their_cells(config, capsys):
    failures = {
        "leaves": "own.py, line 19: the objective raised SystemExit: enough",
        "interrupts": "own.py, line 22: the objective raised KeyboardInterrupt",
        "closes": "own.py, line 25: the objective raised GeneratorExit",
        "recurses": "RecursionError: ",
    }
    own = [OWN_METHOD.replace('"Own"', f'"{name}"').replace("FUNCTION", name) for name in failures]
    config.write_text(SHORT + "".join(own))
    lines = errors_of(1, config, capsys=capsys)
    assert all("own.py, line " in line for line in lines)
    for line, (name, words) in zip(lines, failures.items(), strict=True):
        assert line.startswith(f"{name}: failed: {words}")
    assert {result.method for result in Store(config.parent / "out").results()} == {"PG", "DG"}


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("one_number", "own.py, line 31: the objective returned losses of shape () for log-probs of shape "),
        ("one_number", "one per sample; return the losses without their mean or sum"),
        ("a_list", "own.py, line 34: the objective returned a list, not a JAX array; expected "),
        ("whole_numbers", "own.py, line 43: the objective returned int32, which has no gradient; "),
    ],
)
def test_an_objective_that_returns_no_losses_is_refused_before_any_cell_is_trained(
    function, words, config, capsys
):
    (line,) = errors_of(2, with_own(config, function), capsys=capsys)
    assert line.startswith(f"{config}: method 'Own': objective.kind: 'own:{function}': ")
    assert words in line
    assert not (config.parent / "out").exists()


def test_debugging_nans_points_at_the_users_line(config, capsys):
    own = [OWN_METHOD.replace('"Own"', f'"{name}"').replace("FUNCTION", name) for name in ("root", "slope")]
    config.write_text(SHORT + "".join(own))
    jax.config.update("jax_debug_nans", True)
    try:
        root, slope = errors_of(1, config, capsys=capsys)
    finally:
        jax.config.update("jax_debug_nans", False)
    assert root.startswith("root: failed: FloatingPointError: ")
    assert "(own.py, line 38)" in root
    assert "(own.py, line 41)" in slope
    assert {result.method for result in Store(config.parent / "out").results()} == {"PG", "DG"}


def test_tracer_leaks_are_looked_for_without_finding_one_that_is_none(config, capsys):
    jax.config.update("jax_check_tracer_leaks", True)
    try:
        assert errors_of(0, config, "--methods", "PG", capsys=capsys) == []
    finally:
        jax.config.update("jax_check_tracer_leaks", False)


# Disks that refuse.

# Past this size the system refuses to write on, as on a full disk: checkpoints soon take more.
LIMITED = """
import resource
from tpo_runs._cli import program
resource.setrlimit(resource.RLIMIT_FSIZE, (24_000, resource.RLIM_INFINITY))
program()
"""


@pytest.mark.slow
def test_a_file_that_cannot_be_written_keeps_the_last_checkpoint_and_rerunning_goes_on(tmp_path):
    config, out = tmp_path / "small.toml", tmp_path / "out"
    config.write_text(CONFIG)

    words = [sys.executable, "-c", LIMITED, str(config), "--out", str(out), "--quiet"]
    settings = os.environ | {"JAX_NUM_CPU_DEVICES": "1", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    done = subprocess.run(words, env=settings, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    # Matplotlib, which loads meanwhile, may tell that it cannot keep its list of fonts.
    (line,) = (line for line in done.stderr.splitlines() if line.startswith(str(out)))
    assert "cannot be written: File too large; the previous checkpoint is intact; rerun to resume" in line
    assert list(out.glob("cells/*/checkpoints/*/step-*"))

    again = start(config, "--out", out)
    output, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
    assert "resumes at step" in output
    whole = tmp_path / "whole"
    assert finish(start(config, "--out", whole, "--quiet"))[0] == 0
    assert contents(out) == contents(whole)


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("this test needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_too_small_a_disk_is_found_before_training(small_disk, config, capsys):
    assert main([str(config), "--out", str(small_disk / "out"), "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        "too little space: the run may need 20.0 MB, but only 1.0 MB are free; make room, or choose" in line
    )


def test_a_read_only_disk_is_found_before_training(small_disk, config, capsys):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert main([str(config), "--out", str(small_disk / "out"), "--quiet"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("out: cannot be written: Read-only file system; choose another --out")


def test_an_output_directory_that_is_a_file_is_found_before_training(config, capsys):
    (config.parent / "out").write_text("mine")
    (line,) = errors_of(2, config, capsys=capsys)
    assert "out: cannot be written: File exists; choose another --out" in line
    assert (config.parent / "out").read_text() == "mine"


# Directories in use, and other settings.

HOLDER = """
import sys, time
from pathlib import Path
from tpo_runs._store import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_directory_in_use_is_refused_and_a_dead_holders_lock_is_taken_over(config, capsys):
    out = config.parent / "out"
    out.mkdir()
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(out)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        (line,) = errors_of(2, config, capsys=capsys)
        assert f"{out}: in use by process {holder.pid} on " in line
        assert "wait for it to end, stop it, or choose another --out" in line
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    (line,) = errors_of(0, config, capsys=capsys)
    assert line.startswith(f"taken over from process {holder.pid} on ")
    assert not (out / "lock.json").exists()


def test_other_settings_are_refused_with_the_keys_that_differ(finished_config, capsys):
    before = contents(finished_config.parent / "out")
    lines = errors_of(
        2, finished_config, "--schedule.steps", "40", "--optimizer.learning_rate", "0.5", capsys=capsys
    )
    assert [line.partition("other settings: ")[2] for line in lines[:-1]] == [
        "optimizer.learning_rate: 0.01 in the results, 0.5 in this config",
        "schedule.steps: 30 in the results, 40 in this config",
    ]
    assert "choose another --out, or --overwrite, which removes those results" in lines[-1]
    (line, _) = errors_of(2, finished_config, "--method.DG.objective.eta", "2.0", capsys=capsys)
    assert "method 'DG': objective.eta: 1.0 in the results, 2.0 in this config" in line
    assert contents(finished_config.parent / "out") == before

    assert errors_of(0, finished_config, "--schedule.seeds", "3", capsys=capsys) == []
    assert errors_of(0, finished_config, "--schedule.steps", "40", "--overwrite", capsys=capsys) == []
    assert len(list(finished_config.parent.glob("out/cells/*"))) == 2


def test_results_of_other_versions_say_so(config, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("tpo_runs._run.machine.BITS", ())
        patch.setattr(
            "tpo_runs._run.block.origin", lambda _: {"versions": {"jax": "0.0.1"}, "python": "3.11.0"}
        )
        assert errors_of(0, config, capsys=capsys) == []
    lines = errors_of(0, config, capsys=capsys)
    assert len(lines) == 2
    assert lines[0].startswith("PG: trained with other versions: ")
    assert f"jax 0.0.1, now {jax.__version__}" in lines[0]


# What is stored with a result trains it again.


def test_a_stored_config_trains_the_same_bytes(finished_config, capsys):
    block = next((finished_config.parent / "out").glob("cells/*/seeds-*"))
    record = json.loads((block / "provenance.json").read_text())
    assert record["seeds"] == [0, 1]
    assert {"versions", "devices", "xla_flags", "git", "python", "platform"} <= set(record)

    again = finished_config.parent / "again"
    assert main([str(block / "config.toml"), "--out", str(again), "--quiet"]) == 0
    (other,) = again.glob("cells/*/seeds-*")
    assert other.parent.name == block.parent.name
    assert (other / "metrics.parquet").read_bytes() == (block / "metrics.parquet").read_bytes()

    whole = finished_config.parent / "whole"
    assert main([str(finished_config.parent / "out/config.toml"), "--out", str(whole), "--quiet"]) == 0
    assert contents(whole / "cells") == contents(finished_config.parent / "out/cells")


def test_programs_are_let_go_when_they_fill_the_memory_maps():
    def maps():
        with open("/proc/self/maps") as file:
            return sum(1 for _ in file)

    if not os.path.exists("/proc/self/maps"):
        pytest.skip("only Linux counts memory maps here")
    kept = jax.jit(lambda x: x + 17).lower(1.0).compile()
    for i in range(5):
        jax.jit(lambda x, i=i: jnp.sin(x) * i)(jnp.ones(3))
    before = maps()
    drop_programs(max_maps=0)
    assert maps() < before
    assert kept(1.0) == 18
