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
    "sort": lambda x, v: sorted(x),
    "modular_addition": lambda x, v: [(x[t] + x[(t + 1) % len(x)]) % v for t in range(len(x))],
    "parity": lambda x, v: [sum(x[: t + 1]) % v for t in range(len(x))],
    "skip_distractors": lambda x, v: ([s for s in x if 2 * s < v] + [v - 1] * len(x))[: len(x)],
}


def naive_rewards(reward, prompt, answer, target, vocab_size):
    wanted = TARGETS[target](prompt, vocab_size)
    rewards, all_right_so_far = [], True
    for given, right in zip(answer, wanted, strict=True):
        all_right_so_far = all_right_so_far and given == right
        rewards.append(float(given == right if reward == "bag_of_tokens" else all_right_so_far))
    if reward == "terminal":
        rewards = [float(list(answer) == wanted)] * len(answer)
    if reward == "graded":
        right = sum(given == right for given, right in zip(answer, wanted, strict=True))
        rewards = [(right / len(answer)) ** 2] * len(answer)
    return rewards


def all_sequences(horizon, vocab_size):
    return np.array(list(itertools.product(range(vocab_size), repeat=horizon)))


SIZES = [(1, 2), (1, 5), (2, 2), (2, 3), (3, 3), (4, 2)]


def test_the_families_are_complete():
    assert set(tpo_envs.TARGETS) == set(TARGETS)
    assert set(tpo_envs.REWARDS) == {"bag_of_tokens", "sequential", "terminal", "graded"}


@pytest.mark.parametrize(("horizon", "vocab_size"), SIZES)
@pytest.mark.parametrize("reward", tpo_envs.REWARDS)
@pytest.mark.parametrize("target", TARGETS)
def test_rewards_of_every_answer_to_every_prompt(target, reward, horizon, vocab_size):
    task = TokenTask(target, reward, horizon, vocab_size)
    every = all_sequences(horizon, vocab_size)
    got = task.token_rewards(every[:, None], every[None])
    expected = [
        [naive_rewards(reward, p, a, target, vocab_size) for a in every.tolist()] for p in every.tolist()
    ]
    np.testing.assert_allclose(got, np.array(expected), rtol=1e-6)
    np.testing.assert_allclose(task.score(every[:, None], every[None]), np.mean(expected, axis=-1), rtol=1e-6)


@pytest.mark.parametrize(("horizon", "vocab_size"), SIZES)
@pytest.mark.parametrize("reward", tpo_envs.REWARDS)
def test_random_and_optimal_scores_are_the_mean_over_all_answers_and_the_best(reward, horizon, vocab_size):
    task = TokenTask("reverse_flip", reward, horizon, vocab_size)
    every = all_sequences(horizon, vocab_size)
    scores = task.score(every[:1], every)
    assert task.random_score == pytest.approx(scores.mean(), rel=1e-6)
    assert task.optimal_score == scores.max()
    assert (task.score(every, task.answer(every)) == 1).all()


@pytest.mark.parametrize("reward", ["bag_of_tokens", "sequential"])
@pytest.mark.parametrize("target", tpo_envs.TARGETS)
def test_a_candidate_is_paid_as_the_token_it_would_be_in_the_behaviour_answer(target, reward):
    horizon, vocab_size = 3, 3
    task = TokenTask(target, reward, horizon, vocab_size)
    every = all_sequences(horizon, vocab_size)
    candidates = np.broadcast_to(np.arange(vocab_size), (len(every), horizon, vocab_size))
    for prompt in every[::5]:
        prompts = np.broadcast_to(prompt, every.shape)
        got = task.candidate_rewards(prompts, every, candidates)
        with_jax = task.candidate_rewards(*(jnp.array(x) for x in (prompts, every, candidates)))
        np.testing.assert_array_equal(got, with_jax)
        for (b, answer), t, k in itertools.product(
            enumerate(every.tolist()), range(horizon), range(vocab_size)
        ):
            swapped = [*answer[:t], k, *answer[t + 1 :]]
            assert got[b, t, k] == naive_rewards(reward, prompt.tolist(), swapped, target, vocab_size)[t]


@pytest.mark.parametrize("reward", ["terminal", "graded"])
def test_rewards_of_whole_answers_have_no_candidate_tokens(reward):
    task = TokenTask("copy", reward, 2, 2)
    tokens = jnp.zeros((1, 2), int)
    with pytest.raises(ValueError, match=r"score complete answers with `score`"):
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


def test_jax_takes_a_task_as_an_argument():
    prompts = jnp.array([[0, 1, 1]])
    for task in (TokenTask("reverse_copy", "terminal", 3, 2), TokenTask("copy", "terminal", 3, 2)):
        score = jax.jit(lambda task, prompts, answers: task.score(prompts, answers))
        assert score(task, prompts, task.answer(prompts)).tolist() == [1.0]
        assert jax.tree.leaves(task) == []


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("reward", tpo_envs.REWARDS)
def test_numpy_arrays_give_numpy_arrays_and_the_same_numbers(target, reward):
    task = TokenTask(target, reward, 5, 4)
    prompts, answers = (np.array(task.prompts(jax.random.key(seed), 40)) for seed in (0, 1))
    answers[::2] = task.answer(prompts[::2])
    for method in (task.correct, task.token_rewards, task.score, task.exact_match):
        with_numpy = method(prompts, answers)
        assert type(with_numpy) is np.ndarray
        with_jax = method(jnp.asarray(prompts), jnp.asarray(answers))
        assert isinstance(with_jax, jax.Array)
        np.testing.assert_allclose(with_numpy, with_jax, rtol=1e-6)


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        (
            jnp.zeros((2, 3), int),
            ValueError,
            r"answers must be integer tokens \[\.\.\., 4\]; got shape \(2, 3\)",
        ),
        (jnp.zeros((2, 4)), TypeError, "integer tokens .*; got dtype float32"),
        ([[0, 1, 1, 0]], TypeError, "NumPy or JAX array; got list"),
        (np.int32(1), ValueError, r"got shape \(\)"),
    ],
)
def test_answers_of_the_wrong_kind_are_refused(answers, error, message):
    from tpo_envs._arrays import check_tokens

    with pytest.raises(error, match=message):
        check_tokens("answers", answers, 4)


def test_an_answer_of_the_wrong_length_is_refused_under_jit():
    task = TokenTask("copy", "terminal", 4, 2)
    with pytest.raises(ValueError, match=r"prompts must be integer tokens \[\.\.\., 4\]; got shape \(5,\)"):
        jax.jit(task.score)(jnp.zeros(5, int), jnp.zeros(5, int))
