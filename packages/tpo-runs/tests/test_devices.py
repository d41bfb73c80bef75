"""Seeds spread over devices: the same numbers, and nothing sent between them."""

import os
import subprocess
import sys

import numpy as np
import pytest

PROGRAM = """
import sys
import jax
import numpy as np
import optax
import jax.numpy as jnp
from tpo_envs import TokenTask
from tpo_models import CausalTransformer
from tpo_objectives import tpo
from tpo_runs import SequenceGroup, Trainer, initial_state, train
from tpo_runs._devices import spread_over_devices
from tpo_runs._train import Plan, run_chunk, seed_keys

def make_policy(key):
    return CausalTransformer(vocab_size=2, horizon=2, width=4, layers=1, heads=1, key=key)

rollout = SequenceGroup(TokenTask("reverse_copy", "terminal", 2, 2), 6, 4)
trainer = Trainer(rollout, tpo, optax.adam(0.1), epochs=2)
seeds = jnp.arange(int(sys.argv[1]))
alive = jnp.ones(len(seeds), bool)
(state, keys, alive), placed = spread_over_devices(
    (initial_state(trainer, make_policy, seeds), seed_keys(seeds)[1], alive), trainer, len(seeds)
)
plan = Plan(placed, keys, alive, jnp.int32(0), jnp.int32(5))
program = run_chunk.lower(plan, state, 5).compile().compiled.as_text()
exchanges = [name for name in ("all-gather", "all-reduce", "all-to-all", "permute") if name in program]
chunks = [chunk for _, chunk in train(trainer, state, seeds, 5)]
print(len(keys.sharding.device_set), *exchanges)
np.save(sys.argv[2], np.concatenate([chunk.metrics["loss"] for chunk in chunks], axis=1))
"""


def losses(seeds, devices, path):
    """The losses `[seeds, steps]`, and what the program says, on that many CPU devices."""
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(devices), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", PROGRAM, str(seeds), str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return np.load(path), done.stdout.split()


@pytest.fixture(scope="module")
def on_one_device(tmp_path_factory):
    return losses(6, 1, tmp_path_factory.mktemp("one") / "losses.npy")[0]


# 6 seeds on 4 devices: the 3 that divide them.
@pytest.mark.parametrize(("devices", "used"), [(4, 3)])
def test_devices_share_the_seeds_and_change_nothing(devices, used, on_one_device, tmp_path):
    spread, told = losses(6, devices, tmp_path / "losses.npy")
    assert told == [str(used)], "devices used, then the exchanges between them"
    assert spread == pytest.approx(on_one_device, rel=1e-5, abs=1e-6)
