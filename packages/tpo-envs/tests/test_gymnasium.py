"""The suite in Gymnasium: its checker, the rewards of an episode, and batches against single episodes."""

import subprocess
import sys

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")

import tpo_envs.gymnasium  # noqa: E402
from tpo_envs import describe, list_tasks, make_numpy  # noqa: E402

SOME = [
    "token-reversal-terminal-h1-v2",
    "token-reversal-terminal-h3-v4",
    "token-sort-sequential-h4-v4",
    "token-reversal-bag-h4-v2",
    "token-reversal-graded-h4-v2",
    "brackets-sequential-h4-v4",
    "multiturn-reversal-sequential-t2-h4-v2",
    "noisy-reversal-fp30-fn30-h4-v2",
    "bandit-c100-a10-gap0.1",
]

# One of each kind; the answers of the first always have the same length.
ANSWERS = [
    "ladder-reversal-terminal-h4-v4",
    "variable-reversal-graded-h5-v3",
    "counting-terminal-h5-v11",
    "countdown-graded-h4-v14",
    "coloring-terminal-c2-e2-h4-v4",
    "argsort-graded-n2-h5-v5",
]


def test_every_task_is_registered_and_no_vocabulary_is_taken_for_a_version():
    for task_id in list_tasks():
        spec = gymnasium.spec(f"tpo_envs/{task_id}")
        assert (spec.id, spec.version) == (f"tpo_envs/{task_id}", None)


@pytest.mark.parametrize("task_id", [*SOME, *ANSWERS])
def test_gymnasiums_own_checker_is_content(task_id):
    from gymnasium.utils.env_checker import check_env

    check_env(gymnasium.make(f"tpo_envs/{task_id}").unwrapped)
    check_env(gymnasium.make(f"tpo_envs/{task_id}", render_mode="ansi").unwrapped)


def test_images_are_seen_as_pixels():
    pytest.importorskip("sklearn")
    from gymnasium.utils.env_checker import check_env

    env = gymnasium.make("tpo_envs/digits-bandit", split="test")
    check_env(env.unwrapped, skip_render_check=True)
    observation, _ = env.reset(seed=0)
    assert (observation.shape, observation.dtype) == ((64,), np.float32)


@pytest.mark.parametrize("task_id", [i for i in SOME if not i.startswith("bandit")])
def test_an_episode_pays_the_score_of_its_answer(task_id):
    env, task = gymnasium.make(f"tpo_envs/{task_id}"), make_numpy(task_id)
    rng = np.random.default_rng(0)
    for episode in range(20):
        env.reset(seed=episode)
        prompt = env.unwrapped._episodes.prompts
        answer = task.answer(prompt) if episode % 2 else rng.integers(0, task.vocab_size, prompt.shape)
        rewards = []
        for t, token in enumerate(answer[0]):
            observation, reward, terminated, truncated, info = env.step(token)
            rewards.append(reward)
            assert observation[task.horizon :].tolist()[: t + 1] == answer[0, : t + 1].tolist()
            assert (observation[task.horizon + t + 1 :] == task.vocab_size).all()
            assert (terminated, truncated) == (t == task.horizon - 1, False)
        assert sum(rewards) == pytest.approx(task.score(prompt, answer)[0])
        assert info["score"] == pytest.approx(task.score(prompt, answer)[0])
        assert info["exact_match"] == task.exact_match(prompt, answer)[0]
        if not task.task.rule.dense:
            assert rewards[:-1] == [0] * (task.horizon - 1)


@pytest.mark.parametrize("task_id", ANSWERS)
def test_an_episode_lasts_up_to_the_end_token(task_id):
    env, task = gymnasium.make(f"tpo_envs/{task_id}"), make_numpy(task_id)
    for episode in range(20):
        env.reset(seed=episode)
        prompt = env.unwrapped._episodes.prompts
        answer = task.answer(prompt) if episode % 2 else task.random_answers(episode, 1)
        length = task.lengths(answer)[0]
        for t, token in enumerate(answer[0, :length]):
            observation, reward, terminated, truncated, info = env.step(token)
            written = observation[task.prompt_length :].tolist()
            assert written[: t + 1] == answer[0, : t + 1].tolist()
            assert set(written[t + 1 :]) <= {task.vocab_size}
            assert (terminated, truncated) == (t == length - 1, False)
            assert reward == (task.score(prompt, answer)[0] if terminated else 0)
        assert info == {"score": reward, "exact_match": task.exact_match(prompt, answer)[0]}
        with pytest.raises(ValueError, match="the episode is over"):
            env.step(0)


@pytest.mark.parametrize("task_id", ANSWERS)
def test_episodes_of_a_batch_end_one_by_one_and_begin_again(task_id):
    env, task = gymnasium.make_vec(f"tpo_envs/{task_id}", num_envs=5), make_numpy(task_id)
    env.reset(seed=3)
    env.action_space.seed(0)
    written, begins, finished = [[] for _ in range(5)], np.zeros(5, bool), 0
    for _ in range(60):
        # Three random answers and two right ones.
        actions = np.where(np.arange(5) < 3, env.action_space.sample(), 0)
        right = task.answer(env._episodes.prompts)
        for i in range(3, 5):
            actions[i] = right[i, len(written[i])] if len(written[i]) < task.horizon else 0
        prompts = env._episodes.prompts.copy()
        observations, rewards, terminated, truncated, info = env.step(actions)
        assert env.observation_space.contains(observations)
        assert not truncated.any()
        for i in range(5):
            if begins[i]:
                written[i] = []
                assert (rewards[i], terminated[i]) == (0, False)
                continue
            written[i].append(int(actions[i]))
            over = written[i][-1] == task.end or len(written[i]) == task.horizon
            assert terminated[i] == over
            if over:
                answer = np.array([*written[i], *[0] * (task.horizon - len(written[i]))])
                assert rewards[i] == info["score"][i] == task.score(prompts[i], answer)
                assert info["exact_match"][i] == task.exact_match(prompts[i], answer)
                finished += 1
        if terminated.any():
            np.testing.assert_array_equal(info["_score"], terminated)
        else:
            assert info == {}
        begins = terminated.copy()
    assert finished > 20


def test_messages_appear_when_it_is_their_turn():
    env = gymnasium.make("tpo_envs/multiturn-reversal-sequential-t2-h4-v2")
    observation, _ = env.reset(seed=0)
    prompt = env.unwrapped._episodes.prompts[0].tolist()
    assert observation.tolist() == [*prompt[:2], 2, 2, 2, 2, 2, 2]
    assert env.step(0)[0].tolist() == [*prompt[:2], 2, 2, 0, 2, 2, 2]
    assert env.step(1)[0].tolist() == [*prompt, 0, 1, 2, 2]


@pytest.mark.parametrize("task_id", SOME)
def test_a_batch_is_many_single_episodes(task_id):
    env = gymnasium.make_vec(f"tpo_envs/{task_id}", num_envs=5)
    assert isinstance(env, tpo_envs.gymnasium.TaskVectorEnv)
    observations, _ = env.reset(seed=3)
    env.action_space.seed(0)
    steps = describe(task_id).settings.get("horizon", 1)
    for _ in range(2):
        rewards, singles = np.zeros(5), env._episodes
        prompts = getattr(singles, "prompts", None)
        contexts = getattr(singles, "contexts", None)
        written = []
        for t in range(steps):
            assert env.observation_space.contains(observations)
            actions = env.action_space.sample()
            written.append(actions)
            observations, reward, terminated, truncated, info = env.step(actions)
            rewards += reward
            assert (terminated == (t == steps - 1)).all()
            assert not truncated.any()
        task = make_numpy(task_id)
        if contexts is None:
            expected = task.score(prompts, np.stack(written, axis=1))
        else:
            expected = task.score(contexts, written[0])
        np.testing.assert_allclose(rewards, expected)
        np.testing.assert_array_equal(info["score"], expected)
        # The step after the last one begins new episodes, whatever the actions.
        observations, reward, terminated, _, info = env.step(actions)
        assert not terminated.any()
        assert (reward == 0).all()
        assert info == {}


@pytest.mark.parametrize("task_id", ["bandit-c1-a10-gap1", "token-copy-bag-h10-v2"])
def test_a_finished_episode_can_be_shown(task_id):
    env = gymnasium.make(f"tpo_envs/{task_id}", render_mode="ansi")
    env.reset(seed=0)
    over = False
    while not over:
        _, _, over, _, _ = env.step(1)
    assert env.render().startswith(f"{task_id}: ")
    assert "_" not in env.render().removeprefix(task_id)


def test_the_same_seed_begins_the_same_episodes():
    env = gymnasium.make_vec("tpo_envs/token-reversal-terminal-h10-v2", num_envs=4)
    first, _ = env.reset(seed=1)
    assert (env.reset(seed=1)[0] == first).all()
    assert (env.reset(seed=2)[0] != first).any()


def test_wrong_use_is_told():
    env = gymnasium.make("tpo_envs/token-reversal-terminal-h1-v2", disable_env_checker=True)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions must be from 0 to 1; got values from 2 to 2"):
        env.step(2)
    with pytest.raises(TypeError, match="an action must be an integer from 0 to 1; got dtype float64"):
        env.step(0.5)
    env.step(0)
    with pytest.raises(ValueError, match="the episode is over"):
        env.step(0)
    with pytest.raises(gymnasium.error.Error, match="token-reversal-terminal-h1"):
        gymnasium.make("tpo_envs/token-reversal-terminl-h1-v2")
    with pytest.raises(ValueError, match="did you mean one of bandit-c1-a10-gap1"):
        tpo_envs.gymnasium.TaskEnv("bandit-c1-a10-gap2")
    with pytest.raises(TypeError, match="seed must be one integer, not a list"):
        gymnasium.make_vec("tpo_envs/bandit-c1-a10-gap1", num_envs=2).reset(seed=[1, 2])


ORDERS = {
    "Gymnasium first": "import gymnasium, tpo_envs",
    "by the name of the module": "import gymnasium",
    "tpo_envs first": "import tpo_envs, gymnasium, tpo_envs.gymnasium",
}


@pytest.mark.parametrize("order", ORDERS)
def test_registering_takes_an_import(order):
    module = "tpo_envs.gymnasium:" if order == "by the name of the module" else ""
    code = f"{ORDERS[order]}\nenv = gymnasium.make('{module}tpo_envs/token-reversal-terminal-h10-v2')"
    code += "\nimport sys; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


WITHOUT = """
import sys
sys.modules["gymnasium"] = None
import tpo_envs
assert len(tpo_envs.list_tasks()) == 160
try:
    import tpo_envs.gymnasium
except ImportError as error:
    assert "pip install 'tpo-envs[gymnasium]'" in str(error), error
else:
    raise AssertionError("nothing was said")
"""


def test_without_gymnasium_there_is_a_hint_and_the_rest():
    subprocess.run([sys.executable, "-c", WITHOUT], check=True)


def test_rewards_that_are_changed_leave_the_scores():
    env = gymnasium.make_vec("tpo_envs/token-reversal-terminal-h1-v2", num_envs=50)
    env.reset(seed=0)
    _, rewards, _, _, info = env.step(np.zeros(50, int))
    before = info["score"].copy()
    rewards -= 5
    np.testing.assert_array_equal(info["score"], before)


def test_observations_that_are_changed_leave_the_episode():
    env = gymnasium.make("tpo_envs/token-copy-bag-h10-v2")
    observation, _ = env.reset(seed=0)
    shown = observation.copy()
    observation[:] = 0
    np.testing.assert_array_equal(env.step(1)[0][:10], shown[:10])
