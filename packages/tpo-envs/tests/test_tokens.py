"""The token task against brute force: loops over all prompts and all answers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tpo_envs
from tpo_envs import TokenTask

TARGETS = {
    "copy": lambda x, v: list(x),
    "flip": lambda x, v: [v - 1 - token for token in x],
    "reverse_copy": lambda x, v: list(x)[::-1],
    "reverse_flip": lambda x, v: [v - 1 - token for token in x][::-1],
}


def naive_rewards(reward, prompt, answer, target, vocab_size):
    wanted = TARGETS[target](prompt, vocab_size)
    rewards, all_right_so_far = [], True
    for given, right in zip(answer, wanted, strict=True):
        all_right_so_far = all_right_so_far and given == right
        rewards.append(float(given == right if reward == "bag_of_tokens" else all_right_so_far))
    if reward == "terminal":
        rewards = [float(list(answer) == wanted)] * len(answer)
    return rewards


def all_sequences(horizon, vocab_size):
    return jnp.array(list(itertools.product(range(vocab_size), repeat=horizon)))


SIZES = [(1, 2), (1, 5), (2, 2), (2, 3), (3, 3), (4, 2)]


def test_the_families_are_complete():
    assert set(tpo_envs.TARGETS) == set(TARGETS)
    assert set(tpo_envs.REWARDS) == {"bag_of_tokens", "sequential", "terminal"}


@pytest.mark.parametrize(("horizon", "vocab_size"), SIZES)
@pytest.mark.parametrize("reward", tpo_envs.REWARDS)
@pytest.mark.parametrize("target", tpo_envs.TARGETS)
def test_rewards_of_every_answer_to_every_prompt(target, reward, horizon, vocab_size):
    task = TokenTask(target, reward, horizon, vocab_size)
    every = all_sequences(horizon, vocab_size)
    got = np.asarray(task.token_rewards(every[:, None], every[None]))
    expected = [
        [naive_rewards(reward, p, a, target, vocab_size) for a in every.tolist()] for p in every.tolist()
    ]
    np.testing.assert_array_equal(got, np.array(expected))
    np.testing.assert_allclose(task.score(every[:, None], every[None]), np.mean(expected, axis=-1), rtol=1e-6)


@pytest.mark.parametrize(("horizon", "vocab_size"), SIZES)
@pytest.mark.parametrize("reward", tpo_envs.REWARDS)
def test_random_and_optimal_scores_are_the_mean_over_all_answers_and_the_best(reward, horizon, vocab_size):
    task = TokenTask("reverse_flip", reward, horizon, vocab_size)
    every = all_sequences(horizon, vocab_size)
    scores = np.asarray(task.score(every[:1], every), dtype=np.float64)
    assert task.random_score == pytest.approx(scores.mean(), rel=1e-6)
    assert task.optimal_score == scores.max()
    assert (task.score(every, task.answer(every)) == 1).all()


@pytest.mark.parametrize("reward", ["bag_of_tokens", "sequential"])
@pytest.mark.parametrize("target", tpo_envs.TARGETS)
def test_a_candidate_is_paid_as_the_token_it_would_be_in_the_behaviour_answer(target, reward):
    horizon, vocab_size = 3, 3
    task = TokenTask(target, reward, horizon, vocab_size)
    every = all_sequences(horizon, vocab_size)
    candidates = jnp.broadcast_to(jnp.arange(vocab_size), (len(every), horizon, vocab_size))
    for prompt in every[::5]:
        prompts = jnp.broadcast_to(prompt, every.shape)
        got = np.asarray(task.candidate_rewards(prompts, every, candidates))
        for (b, answer), t, k in itertools.product(
            enumerate(every.tolist()), range(horizon), range(vocab_size)
        ):
            swapped = [*answer[:t], k, *answer[t + 1 :]]
            assert got[b, t, k] == naive_rewards(reward, prompt.tolist(), swapped, target, vocab_size)[t]


def test_terminal_rewards_have_no_candidate_tokens():
    task = TokenTask("copy", "terminal", 2, 2)
    tokens = jnp.zeros((1, 2), int)
    with pytest.raises(ValueError, match=r"score whole answers with `score`"):
        task.candidate_rewards(tokens, tokens, tokens[..., None])


def test_prompts_are_uniform_and_a_function_of_the_key():
    task = TokenTask("copy", "terminal", 4, 3)
    prompts = task.prompts(jax.random.key(0), 6000)
    assert prompts.shape == (6000, 4)
    counts = np.stack([np.bincount(column, minlength=3) for column in np.asarray(prompts).T])
    # chi-square with 2 degrees of freedom per position: 18.4 is the 1e-4 tail
    assert (((counts - 2000) ** 2 / 2000).sum(axis=1) < 18.4).all()
    np.testing.assert_array_equal(prompts, task.prompts(jax.random.key(0), 6000))
    assert (prompts != task.prompts(jax.random.key(1), 6000)).any()


def test_everything_works_under_jit_and_vmap():
    task = TokenTask("reverse_copy", "sequential", 4, 2)
    prompts = task.prompts(jax.random.key(0), 16)
    answers = task.prompts(jax.random.key(1), 16)
    expected = task.score(prompts, answers)
    np.testing.assert_array_equal(jax.jit(task.score)(prompts, answers), expected)
    np.testing.assert_array_equal(jax.vmap(task.score)(prompts, answers), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "revers_copy"}, r"target is 'revers_copy'.*did you mean 'reverse_copy'"),
        ({"reward": "terminl"}, r"reward is 'terminl'.*did you mean 'terminal'"),
        ({"horizon": 0}, r"horizon is 0.*at least 1"),
        ({"vocab_size": 1}, r"vocab_size is 1.*at least 2"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    settings = {"target": "copy", "reward": "terminal", "horizon": 4, "vocab_size": 2} | changes
    with pytest.raises(ValueError, match=message):
        TokenTask(**settings)
