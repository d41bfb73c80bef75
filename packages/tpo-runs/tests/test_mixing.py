"""What changes numbers is fixed, or it is recorded and seeds of another kind are refused."""

import json
import os
import shutil
import signal
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reliability import UNDRAWN, contents, start, wait_for

from tpo_runs import Store
from tpo_runs._cli import main

SHORT = UNDRAWN.replace("steps = 6000", "steps = 30").partition('[[method]]\nname = "DG"')[0]
OWN = """
import jax.numpy as jnp
from helper import FACTOR
def loss(logp, old_logp, scores):
    return -FACTOR * logp * scores
"""
# Those whose effect on numbers is known; what JAX does not have is no setting.
SETTINGS = {
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
    "jax_random_seed_offset": 7,
    "jax_enable_x64": True,
    "jax_numpy_dtype_promotion": "strict",
    "jax_disable_jit": True,
    "jax_high_dynamic_range_gumbel": True,
    "jax_softmax_custom_jvp": True,
    "jax_default_device": "cpu",
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SHORT)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run that tests copy."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.toml").write_text(SHORT)
    assert run(folder / "small.toml") == 0
    return folder / "out"


@pytest.fixture
def trained(config, finished):
    """The config beside its finished run."""
    shutil.copytree(finished, config.parent / "out")
    return config


def run(config, *words):
    return main([str(config), "--out", str(config.parent / "out"), "--quiet", *words])


def metrics(root):
    return {name: value for name, value in contents(root).items() if name.endswith(".parquet")}


def test_settings_of_jax_change_no_number_and_are_left_as_they_were(config, capsys, monkeypatch):
    before = dict(jax.config.values)
    assert run(config, "--schedule.seeds", "4") == 0
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name.upper(), str(value))
        jax.config.update(name, value)
    try:
        assert (
            main([str(config), "--out", str(config.parent / "other"), "--quiet", "--schedule.seeds", "4"])
            == 0
        )
        assert jax.config.values["jax_enable_x64"] is True
    finally:
        for name in SETTINGS:
            value = before[name]
            jax.config.update(name, getattr(value, "value", value))
    assert metrics(config.parent / "other") == metrics(config.parent / "out")
    lines = capsys.readouterr().err.splitlines()
    assert {line.partition("=")[0].lower() for line in lines} == set(SETTINGS)
    assert all("has no effect" in line for line in lines)


def test_keys_do_not_depend_on_the_settings_of_a_program_that_trains_by_itself():
    from tpo_runs._learn import seed_keys

    usual = [jax.random.key_data(key) for key in seed_keys(jnp.arange(3))]
    with jax.default_prng_impl("rbg"), jax.enable_x64(True):
        others = [jax.random.key_data(key) for key in seed_keys(jnp.arange(3))]
    np.testing.assert_array_equal(usual, others)


def test_metrics_of_double_precision_are_stored_as_any(trained):
    store = Store(trained.parent / "out")
    (result,) = store.results()
    from tpo_runs import load_config

    (cell,) = load_config(trained).cells
    doubles = {name: value.astype(np.float64) for name, value in result.metrics.items()}
    store.write_block(cell, [2, 3], doubles, {"diverged": {}}, {"seconds": 1.0})
    assert run(trained, "--schedule.seeds", "4") == 0
    (result,) = store.results()
    assert result.metrics["loss"].dtype == np.float32
    assert len(result.seeds) == 4


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "XLA_FLAGS",
            "--xla_cpu_enable_fast_math=true",
            "--xla_cpu_enable_fast_math was not set and is true now",
        ),
        ("NVIDIA_TF32_OVERRIDE", "1", "NVIDIA_TF32_OVERRIDE was not set and is 1 now"),
        (
            "JAX_DEFAULT_MATMUL_PRECISION",
            "bfloat16",
            "JAX_DEFAULT_MATMUL_PRECISION was highest and is bfloat16",
        ),
    ],
)
def test_seeds_of_other_settings_are_refused_before_training(
    variable, value, words, trained, capsys, monkeypatch
):
    before = contents(trained.parent / "out")
    if variable.startswith("JAX_"):
        jax.config.update(variable.lower(), value)
    else:
        kept = os.environ.get(variable, "") if variable == "XLA_FLAGS" else ""
        monkeypatch.setenv(variable, f"{kept} {value}".strip())
        monkeypatch.setattr("tpo_runs._run.experiment.check_devices", lambda: None)
    try:
        assert run(trained, "--schedule.seeds", "4") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line
        assert "PG" in line
        assert "--overwrite" in line
        assert "--out" in line
        assert contents(trained.parent / "out") == before
        assert run(trained) == 0  # what is complete can still be drawn, with a warning
        assert "trained with other versions" in capsys.readouterr().err
    finally:
        if variable.startswith("JAX_"):
            jax.config.update(variable.lower(), None)


def test_a_store_of_an_earlier_version_goes_on_without_a_word(trained, capsys):
    from tpo_runs._files import json_bytes, sums

    (block,) = (trained.parent / "out").glob("cells/*/seeds-*")
    record = json.loads((block / "provenance.json").read_text())
    for name in ("environment", "data", "matmul_precision"):
        del record[name]
    (block / "provenance.json").write_bytes(json_bytes(record))
    names = ["metrics.parquet", "provenance.json", "config.toml"]
    (block / "SHA256SUMS").write_text(sums(block, names))
    assert run(trained, "--schedule.seeds", "4") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("file", ["own.py", "helper.py"])
def test_seeds_of_an_edited_objective_are_refused(file, config, capsys):
    own, helper = config.parent / "own.py", config.parent / "helper.py"
    own.write_text(OWN)
    helper.write_text("FACTOR = 1.0\n")
    config.write_text(SHORT.replace('kind = "reinforce"', 'kind = "own:loss"'))
    assert run(config) == 0
    record = json.loads(next((config.parent / "out").glob("cells/*/seeds-*/provenance.json")).read_text())
    assert set(record["objective"]) == {"own", "helper"}

    # As long as before, and within the second: Python's own cache would not notice.
    path = config.parent / file
    path.write_text(path.read_text().replace("1.0", "2.0").replace("-FACTOR", "+FACTOR"))
    assert run(config, "--schedule.seeds", "4") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"the source of module '{file[:-3]}' has changed" in line
    assert "--overwrite" in line
    assert "--out" in line

    old = metrics(config.parent / "out")
    assert run(config, "--overwrite") == 0
    assert metrics(config.parent / "out") != old


def test_a_checkpoint_of_other_settings_is_refused(config, tmp_path):
    config.write_text(SHORT.replace("steps = 30", "steps = 5000000"))
    out = tmp_path / "out"
    # A run keeps ignoring SIGHUP if it is started with it ignored, as these tests are under nohup.
    inherited = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    process = start(config, "--out", out, "--quiet")
    signal.signal(signal.SIGHUP, inherited)
    wait_for(lambda: list(out.glob("cells/*/checkpoints/*/step-*")))
    # A shell and the system both send it, at any distance: no further one changes how the run ends.
    while process.poll() is None:
        process.send_signal(signal.SIGHUP)
        time.sleep(0.001)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 129, errors
    assert "stopped by SIGHUP" in errors

    again = start(config, "--out", out, "--quiet", NVIDIA_TF32_OVERRIDE="1")
    _, errors = again.communicate(timeout=120)
    assert again.returncode == 2, errors
    assert "NVIDIA_TF32_OVERRIDE was not set and is 1 now" in errors
    assert list(out.glob("cells/*/checkpoints/*/step-*"))


def test_the_content_of_a_data_set_counts_and_not_its_folder(config, capsys, monkeypatch):
    config.write_text(
        """
figures = []
task = { kind = "images", dataset = "digits" }
policy = { kind = "mlp" }
optimizer = { kind = "adam", learning_rate = 0.01 }
schedule = { steps = 2, block = 1 }
[[method]]
name = "PG"
objective = { kind = "reinforce" }
rollout = { kind = "sampled_actions", contexts = 8, samples = 1, baseline = 0.5 }
"""
    )
    assert run(config) == 0
    record = json.loads(next((config.parent / "out").glob("cells/*/seeds-*/provenance.json")).read_text())
    assert len(record["data"]["digits"]) == 64
    monkeypatch.setattr("tpo_runs._config.task._data_hash", lambda *_: "0" * 64)
    assert run(config, "--schedule.seeds", "2") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "the content of data set 'digits' has changed" in line
