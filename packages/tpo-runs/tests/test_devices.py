"""Seeds and prompts over devices: the same numbers, and nothing sent that need not be."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from tpo_runs._learn import Layout, layout_for
from tpo_runs._run import set_up_jax

PROGRAM = """
import json
import re
import sys
import jax
import numpy as np
import optax
import jax.numpy as jnp
from tpo_envs import TokenTask
from tpo_models import CausalTransformer
from tpo_objectives import tpo
from tpo_runs import SequenceGroup, Trainer, initial_state, train
from tpo_runs._learn import TrainState, compile_chunk

def make_policy(key):
    return CausalTransformer(vocab_size=2, horizon=2, width=136, layers=1, heads=1, key=key)

# Enough answers for each device to look for equal ones among its own.
rollout = SequenceGroup(TokenTask("reverse_copy", "terminal", 2, 2), 256, 16)
trainer = Trainer(rollout, tpo, optax.adam(0.003), epochs=2)
seeds = jnp.arange(int(sys.argv[1]))
state = initial_state(trainer, make_policy, seeds)
# An array without numbers, as in an empty queue, has to stay on its devices like the others.
state = TrainState(state.policy, state.optimizer_state, jnp.zeros((len(seeds), 0)))
program = compile_chunk(trainer, state, seeds)
text = program.compiled.as_text()
exchanges = [name for name in ("all-gather", "all-reduce", "all-to-all", "permute") if name + "(" in text]
sums = re.findall(r"= ([(].*?[)]|\\S+) all-reduce[(]", text)
losses, devices = [], 0
for state, chunk in train(trainer, state, seeds, 5, program=program):
    losses.append(chunk.metrics["loss"])
    devices = max(len(leaf.sharding.device_set) for leaf in jax.tree.leaves(state))
added = sum(types.count("f32[") for types in sums)
print(json.dumps({"devices": devices, "exchanges": exchanges, "added": added}))
np.save(sys.argv[2], np.concatenate(losses, axis=1))
"""


def losses(seeds, devices, path):
    """The losses `[seeds, steps]`, and what the program says, on that many CPU devices."""
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(devices), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", PROGRAM, str(seeds), str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return np.load(path), json.loads(done.stdout)


@pytest.fixture(scope="module")
def on_one_device(tmp_path_factory):
    return losses(4, 1, tmp_path_factory.mktemp("one") / "losses.npy")[0]


def test_devices_share_the_seeds_and_say_nothing_to_each_other(on_one_device, tmp_path):
    spread, told = losses(4, 4, tmp_path / "losses.npy")
    assert told == {"devices": 4, "exchanges": [], "added": 0}
    assert spread == pytest.approx(on_one_device, rel=1e-5, abs=1e-6)


# An uneven number of seeds; seeds and prompts at once.
@pytest.mark.parametrize(("seeds", "devices"), [(3, 2), pytest.param(2, 4, marks=pytest.mark.slow)])
def test_devices_share_the_prompts_of_a_seed_and_add_up_its_gradients(
    seeds, devices, on_one_device, tmp_path
):
    spread, told = losses(seeds, devices, tmp_path / "losses.npy")
    # The two kernels of the MLP, all small parameters as one array, and the sums over prompts of the loss,
    # the error and the like.
    assert (told["devices"], told["exchanges"]) == (devices, ["all-reduce"])
    assert told["added"] <= 8
    assert spread == pytest.approx(on_one_device[:seeds], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(
    ("seeds", "prompts", "devices", "layout"),
    [
        (20, 100, 1, Layout(1, 1)),
        (20, 100, 2, Layout(2, 1)),
        (20, 100, 8, Layout(4, 2)),
        (1, 100, 8, Layout(1, 5)),  # 12 prompts on each of 8 would be too few
        (3, 100, 2, Layout(1, 2)),
        (3, 1, 2, Layout(1, 1)),
        (6, 1, 4, Layout(3, 1)),
        (7, 100, 64, Layout(7, 5)),
    ],
)
def test_a_layout_uses_most_devices_and_prefers_seeds(seeds, prompts, devices, layout):
    assert layout_for(seeds, prompts, devices) == layout


@pytest.mark.parametrize(
    ("version", "given", "short", "flags"),
    [
        ("0.10.2", "", False, {"xla_backend_optimization_level=1"}),
        ("0.10.2", "", True, {"xla_backend_optimization_level=1", "xla_cpu_use_fusion_emitters=false"}),
        ("0.11.1", "", True, {"xla_backend_optimization_level=1"}),
        ("0.12.0.1", "", True, {"xla_backend_optimization_level=1"}),
        (
            "0.10.2",
            "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=true",
            True,
            {"xla_backend_optimization_level=0", "xla_cpu_use_fusion_emitters=true"},
        ),
    ],
)
def test_a_short_run_compiles_quickly_and_the_environment_has_the_last_word(
    version, given, short, flags, monkeypatch
):
    monkeypatch.setattr("importlib.metadata.version", lambda name: version)
    monkeypatch.setenv("XLA_FLAGS", given)
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "1")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "unused")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "1")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    set_up_jax(short=short)
    assert set(os.environ["XLA_FLAGS"].split()) == {f"--{flag}" for flag in flags}


@pytest.mark.parametrize(
    ("plugin", "given", "precision"),
    [(False, None, None), (True, None, "highest"), (True, "tensorfloat32", None)],
)
def test_a_gpu_multiplies_in_full_float32_unless_the_environment_says_otherwise(
    plugin, given, precision, monkeypatch
):
    updated = {}
    monkeypatch.setattr(jax.config, "update", updated.__setitem__)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: plugin and name == "jax_cuda13_plugin")
    monkeypatch.delenv("JAX_DEFAULT_MATMUL_PRECISION", raising=False)
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
    if given:
        monkeypatch.setenv("JAX_DEFAULT_MATMUL_PRECISION", given)
    set_up_jax()
    assert updated.get("jax_default_matmul_precision") == precision
