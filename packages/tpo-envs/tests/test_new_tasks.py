"""Brackets, conversations and the noisy verifier against brute force over all prompts and all answers."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_envs import BracketTask, MultiTurnTask, NoisyVerifier, TokenTask


def all_sequences(horizon, vocab_size):
    return np.array(list(itertools.product(range(vocab_size), repeat=horizon)))


# --- brackets ---


def stack_after(tokens, types):
    """The open brackets after a string, or None if it closes what is not open."""
    stack = []
    for token in tokens:
        if token < types:
            stack.append(token)
        elif not stack or stack.pop() != token - types:
            return None
    return stack


def naive_right(prompt, answer, types):
    """Which tokens keep the string completable: by its stack and the tokens that are left."""
    right = []
    for t in range(len(answer)):
        stack = stack_after([*prompt, *answer[: t + 1]], types)
        right.append(stack is not None and len(stack) <= len(answer) - t - 1)
    return list(itertools.accumulate(right, lambda before, now: before and now))


def bracket_prompts(horizon, vocab_size):
    return np.array(
        [p for p in all_sequences(horizon, vocab_size) if stack_after(p, vocab_size // 2) is not None]
    )


BRACKET_SIZES = [(1, 2), (2, 4), (3, 2), (3, 4), (4, 2)]


@pytest.mark.parametrize(("horizon", "vocab_size"), BRACKET_SIZES)
def test_right_brackets_of_every_answer_to_every_prompt(horizon, vocab_size):
    task = BracketTask("sequential", horizon, vocab_size)
    prompts, answers = bracket_prompts(horizon, vocab_size), all_sequences(horizon, vocab_size)
    expected = [[naive_right(p, a, vocab_size // 2) for a in answers.tolist()] for p in prompts.tolist()]
    np.testing.assert_array_equal(task.correct(prompts[:, None], answers[None]), expected)
    np.testing.assert_array_equal(task.correct(jnp.array(prompts)[:, None], jnp.array(answers)), expected)
    terminal = BracketTask("terminal", horizon, vocab_size).score(prompts[:, None], answers[None])
    balanced = [
        [stack_after([*p, *a], vocab_size // 2) == [] for a in answers.tolist()] for p in prompts.tolist()
    ]
    np.testing.assert_array_equal(terminal, balanced)


@pytest.mark.parametrize(("horizon", "vocab_size"), BRACKET_SIZES)
def test_a_correct_completion_of_every_prompt(horizon, vocab_size):
    task = BracketTask("terminal", horizon, vocab_size)
    prompts = bracket_prompts(horizon, vocab_size)
    assert task.exact_match(prompts, task.answer(prompts)).all()
    np.testing.assert_array_equal(task.answer(jnp.array(prompts)), task.answer(prompts))


def chance_of(prompt, vocab_size):
    """How likely the walk is to draw this prompt."""
    chance, types = 1.0, vocab_size // 2
    for t, token in enumerate(prompt):
        nothing_open = not stack_after(prompt[:t], types)
        chance *= (1.0 if nothing_open else 0.5) * (1 / types if token < types else 1.0)
    return chance


@pytest.mark.parametrize(("horizon", "vocab_size"), BRACKET_SIZES)
@pytest.mark.parametrize("reward", ["sequential", "terminal"])
def test_the_random_score_of_brackets_is_the_mean_over_all_answers(reward, horizon, vocab_size):
    task = BracketTask(reward, horizon, vocab_size)
    prompts, answers = bracket_prompts(horizon, vocab_size), all_sequences(horizon, vocab_size)
    chances = np.array([chance_of(prompt.tolist(), vocab_size) for prompt in prompts])
    assert chances.sum() == pytest.approx(1)
    expected = chances @ task.score(prompts[:, None], answers[None]).mean(axis=1)
    assert task.random_score == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("source", ["numpy", "jax"])
def test_bracket_prompts_are_drawn_as_the_walk_says(source):
    task, draws = BracketTask("terminal", 3, 4), 20_000
    drawn = (
        task.numpy_prompts(np.random.default_rng(0), draws)
        if source == "numpy"
        else np.asarray(task.prompts(jax.random.key(0), draws))
    )
    prompts = bracket_prompts(3, 4)
    counts = np.array([(drawn == prompt).all(axis=1).sum() for prompt in prompts])
    expected = draws * np.array([chance_of(prompt.tolist(), 4) for prompt in prompts])
    assert counts.sum() == draws
    # chi-square with 11 degrees of freedom (16 prompts have a chance): 40 is beyond the 1e-4 tail of 15
    assert ((counts - expected) ** 2 / expected).sum() < 45


def test_bracket_candidates_are_paid_as_in_the_answer():
    horizon, vocab_size = 3, 4
    task = BracketTask("sequential", horizon, vocab_size)
    answers = all_sequences(horizon, vocab_size)
    candidates = np.broadcast_to(np.arange(vocab_size), (len(answers), horizon, vocab_size))
    for prompt in bracket_prompts(horizon, vocab_size)[::3]:
        got = task.candidate_rewards(np.broadcast_to(prompt, answers.shape), answers, candidates)
        for b, t, k in itertools.product(range(len(answers)), range(horizon), range(vocab_size)):
            swapped = [*answers[b, :t], k, *answers[b, t + 1 :]]
            assert got[b, t, k] == naive_right(prompt, swapped, vocab_size // 2)[t]


# --- conversations ---

REPLIES = {"copy": lambda x: x, "reverse_copy": lambda x: x[::-1]}


def naive_replies(target, turns, prompt, answer, vocab_size):
    """The right tokens, turn by turn, given what was replied."""
    length = len(prompt) // turns
    last, right = [0] * length, []
    for turn in range(turns):
        message = prompt[turn * length : (turn + 1) * length]
        right += REPLIES[target]([(m + r) % vocab_size for m, r in zip(message, last, strict=True)])
        last = answer[turn * length : (turn + 1) * length]
    return right


@pytest.mark.parametrize(("turns", "horizon", "vocab_size"), [(1, 2, 3), (2, 2, 3), (2, 4, 2), (3, 3, 2)])
@pytest.mark.parametrize("target", REPLIES)
def test_replies_to_every_conversation(target, turns, horizon, vocab_size):
    every = all_sequences(horizon, vocab_size)
    right = np.array(
        [[naive_replies(target, turns, p, a, vocab_size) for a in every.tolist()] for p in every.tolist()]
    )
    for reward in ("bag_of_tokens", "sequential", "terminal", "graded"):
        task = MultiTurnTask(target, reward, turns, horizon, vocab_size)
        np.testing.assert_array_equal(task.correct(every[:, None], every[None]), right == every[None])
        scores = task.score(every[:, None], every[None])
        np.testing.assert_allclose(task.score(jnp.array(every)[:, None], jnp.array(every)), scores, rtol=1e-6)
        assert task.random_score == pytest.approx(scores.mean())
        assert (scores.max(axis=1) == 1).all()
        assert (task.score(every, task.answer(every)) == 1).all()


def test_conversation_candidates_are_paid_after_what_was_replied():
    task = MultiTurnTask("reverse_copy", "bag_of_tokens", turns=2, horizon=4, vocab_size=2)
    every = all_sequences(4, 2)
    candidates = np.broadcast_to(np.arange(2), (len(every), 4, 2))
    got = task.candidate_rewards(np.broadcast_to(every[5], every.shape), every, candidates)
    for b, answer in enumerate(every.tolist()):
        right = naive_replies("reverse_copy", 2, every[5].tolist(), answer, 2)
        np.testing.assert_array_equal(got[b], np.arange(2) == np.array(right)[:, None])


# --- the noisy verifier ---


def verifier(seed=0, **changes):
    settings = {
        "target": "copy",
        "horizon": 2,
        "vocab_size": 2,
        "false_positives": 0.2,
        "false_negatives": 0.3,
    }
    return NoisyVerifier(**{**settings, **changes}, seed=seed)


def test_the_verifier_errs_at_the_set_rates():
    every = all_sequences(2, 2)
    verdicts = np.array([verifier(seed).verdicts(every[:, None], every[None]) for seed in range(2000)])
    right = np.eye(4, dtype=bool)
    for rate, share in ((0.7, verdicts[:, right]), (0.2, verdicts[:, ~right])):
        # Five standard deviations of an independent coin for each verdict.
        assert abs(share.mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / share.size)
        assert (abs(share.mean(axis=0) - rate) < 5 * np.sqrt(rate * (1 - rate) / 2000)).all()


def test_the_closed_forms_of_the_verifier_are_means_over_verifiers():
    every, seeds = all_sequences(2, 2), range(2000)
    scores = np.array([verifier(seed).score(every[:, None], every[None]) for seed in seeds])
    task = verifier()
    for expected, values in (
        (task.random_score, scores.mean(axis=(1, 2))),
        (task.honest_score, scores[:, np.arange(4), np.arange(4)].mean(axis=1)),
        (task.optimal_score, scores.max(axis=2).mean(axis=1)),
    ):
        assert abs(values.mean() - expected) < 5 * values.std() / np.sqrt(len(seeds))


def test_the_verifier_without_mistakes_is_the_terminal_task():
    every = all_sequences(3, 2)
    exact = verifier(horizon=3, false_positives=0.0, false_negatives=0.0)
    task = TokenTask("copy", "terminal", 3, 2)
    np.testing.assert_array_equal(
        exact.token_rewards(every[:, None], every[None]), task.token_rewards(every[:, None], every[None])
    )
    assert (exact.random_score, exact.optimal_score) == (task.random_score, task.optimal_score)
    always_wrong = verifier(horizon=3, false_positives=1.0, false_negatives=1.0)
    np.testing.assert_array_equal(
        always_wrong.score(every[:, None], every[None]), 1 - task.score(every[:, None], every[None])
    )


def test_verdicts_are_fixed_and_alike_in_numpy_and_jax():
    task = verifier(7, horizon=5, vocab_size=9)
    rng = np.random.default_rng(0)
    prompts, answers = task.numpy_prompts(rng, 200), task.numpy_prompts(rng, 200)
    answers[::2] = prompts[::2]
    verdicts = task.verdicts(prompts, answers)
    np.testing.assert_array_equal(task.verdicts(prompts, answers), verdicts)
    np.testing.assert_array_equal(jax.jit(task.verdicts)(jnp.array(prompts), jnp.array(answers)), verdicts)
    assert (verifier(8, horizon=5, vocab_size=9).verdicts(prompts, answers) != verdicts).any()
    np.testing.assert_array_equal(task.exact_match(prompts, answers), (prompts == answers).all(axis=1))


# --- all of them ---

TASKS = [
    BracketTask("sequential", 4, 4),
    MultiTurnTask("reverse_copy", "sequential", 2, 4, 3),
    NoisyVerifier("reverse_copy", 4, 3, 0.1, 0.2),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_jit_vmap_and_groups_of_answers(task):
    prompts = task.prompts(jax.random.key(0), 6)
    answers = jax.random.randint(jax.random.key(1), (6, 5, 4), 0, task.vocab_size)
    answers = answers.at[:, 0].set(task.answer(prompts))
    expected = np.array(
        [
            [task.score(np.asarray(p), np.asarray(a)) for a in group]
            for p, group in zip(prompts, answers, strict=True)
        ]
    )
    with jax.numpy_dtype_promotion("strict"):
        scores = jax.jit(lambda task, p, a: task.score(p, a))(task, prompts[:, None], answers)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(task.score)(prompts, answers[:, 1]), expected[:, 1], rtol=1e-6)
    rewards = task.token_rewards(prompts[:, None], answers)
    np.testing.assert_allclose(rewards.mean(axis=-1), expected, rtol=1e-6)
    assert task.exact_match(prompts, answers[:, 0]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BracketTask("bag_of_tokens", 4, 4), "reward is 'bag_of_tokens', but it must be one of 'seq"),
        (lambda: BracketTask("terminal", 4, 3), "vocab_size is 3, but brackets come in pairs"),
        (lambda: MultiTurnTask("copy", "terminal", 3, 4, 2), "turns is 3, but it must divide horizon = 4"),
        (lambda: MultiTurnTask("cpy", "terminal", 2, 4, 2), "did you mean 'copy'"),
        (lambda: verifier(false_positives=1.5), "false_positives is 1.5, but a rate must be from 0 to 1"),
        (lambda: verifier(seed=-1), "seed is -1"),
        (lambda: verifier(horizon=0), "horizon is 0"),
    ],
)
def test_wrong_settings_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
