"""Everything public can be sent to another process, copied and, where it is data, written as JSON."""

import copy
import dataclasses
import json
import pickle
import subprocess
import sys

import jax
import numpy as np
import pytest

import tpo_envs
from tpo_envs import describe, list_tasks, make, make_numpy, score, text_reward

TASK = "token-reversal-terminal-h10-v2"


def zeros(inputs):
    return np.zeros(len(inputs), int)


OBJECTS = {
    "row": lambda: describe(TASK),
    "settings": lambda: describe(TASK).settings,
    "score": lambda: score("bandit-c1-a10-gap1", zeros, n=5),
    "interval": lambda: score("bandit-c1-a10-gap1", zeros, n=5).regret,
    "task": lambda: make(TASK),
    "verifier": lambda: make("noisy-reversal-fp30-fn30-h4-v2"),
    "rewards": lambda: tpo_envs.REWARDS,
    "targets": lambda: tpo_envs.TARGETS,
}
WITHOUT_EQUALITY = {
    "numpy task": lambda: make_numpy(TASK),
    "numpy bandit": lambda: make_numpy("bandit-c100-a10-gap1"),
    "contexts": lambda: make_numpy("bandit-c100-a10-gap1").sample(0, 3),
    "bandit": lambda: make("bandit-c100-a10-gap1"),
    "text task": lambda: tpo_envs.TextTask(TASK),
    "text reward": lambda: text_reward(TASK),
}
WAYS = {
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OBJECTS)
def test_a_copy_is_equal(name, way):
    made = OBJECTS[name]()
    assert WAYS[way](made) == made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", WITHOUT_EQUALITY)
def test_a_copy_can_be_made(name, way):
    made = WITHOUT_EQUALITY[name]()
    assert type(WAYS[way](made)) is type(made)


@pytest.mark.parametrize("way", WAYS)
def test_a_copied_reward_pays_alike_and_keeps_its_name(way):
    reward = WAYS[way](text_reward("token-sort-terminal-h4-v4"))
    assert reward.__name__ == "token-sort-terminal-h4-v4"
    assert reward(completions=["1 2 2 3", "no idea"], question=[[3, 2, 2, 1]] * 2) == [1.0, 0.0]


@pytest.mark.parametrize("name", ["row", "settings", "score", "task"])
def test_equal_ones_have_one_hash(name):
    assert hash(OBJECTS[name]()) == hash(pickle.loads(pickle.dumps(OBJECTS[name]())))


def test_what_describes_a_task_is_json():
    for task_id in list_tasks():
        row = describe(task_id)
        assert json.loads(json.dumps(dataclasses.asdict(row)))["settings"] == row.settings
        assert json.loads(json.dumps(row.settings)) == dict(row.settings)


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: settings.update(horizon=3),
        lambda settings: settings.pop("horizon"),
        lambda settings: settings.__delitem__("horizon"),
        lambda settings: settings.__ior__({"horizon": 3}),
        lambda settings: settings.clear(),
        lambda settings: settings.setdefault("new", 1),
    ],
)
def test_settings_cannot_be_changed(change):
    settings = describe(TASK).settings
    with pytest.raises(TypeError, match="never change"):
        change(settings)
    assert describe(TASK).settings["horizon"] == 10


def test_reference_scores_are_a_copy():
    tpo_envs.reference_scores("token-reversal-terminal-h3-v2").clear()
    assert tpo_envs.reference_scores("token-reversal-terminal-h3-v2")


def test_a_task_sent_to_a_fresh_process_is_an_argument_of_a_compiled_function_there():
    # JAX comes after the task, as it may in a worker.
    use = "import jax; print(jax.jit(lambda task: task.horizon)(task))"
    code = f"import sys, pickle; task = pickle.load(sys.stdin.buffer); {use}"
    sent = pickle.dumps(make(TASK))
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True)
    assert done.stdout.split() == [b"10"]
    assert jax.tree.leaves(pickle.loads(sent)) == []


@pytest.mark.parametrize("task_id", ["brackets-terminal-h4-v4", "bandit-c1-a10-gap1"])
def test_an_environment_is_copied_in_the_middle_of_an_episode(task_id):
    gymnasium = pytest.importorskip("gymnasium")
    import tpo_envs.gymnasium  # noqa: F401

    env = gymnasium.make(f"tpo_envs/{task_id}")
    env.reset(seed=0)
    for way in ("pickle", "deepcopy"):
        twin = WAYS[way](env)
        ours, theirs = env.unwrapped._episodes, twin.unwrapped._episodes
        np.testing.assert_array_equal(ours.observations(), theirs.observations())
        twin.step(1)
