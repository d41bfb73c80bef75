"""Tasks with one right answer by brute force: every answer to every prompt, scored in plain Python."""

import itertools

import numpy as np
import pytest
from answer_oracle import REWARDS, SOURCES, all_sequences, check_against, check_distribution, said

from tpo_envs import CountingTask, LengthLadder, VariableLengthTask

# --- the length ladder ---


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize(("horizon", "scored", "vocab_size"), [(1, 1, 3), (4, 2, 3), (5, 2, 2), (3, 3, 2)])
def test_the_first_tokens_alone_are_scored(horizon, scored, vocab_size, reward):
    task = LengthLadder(horizon, vocab_size, scored, reward)
    prompts = all_sequences(scored, vocab_size)

    def naive(prompt, answer):
        hits = sum(a == p for a, p in zip(answer[:scored], prompt[::-1], strict=True))
        return float(hits == scored) if reward == "terminal" else (hits / scored) ** 2

    check_against(task, prompts, [1 / len(prompts)] * len(prompts), naive)


def test_the_random_score_of_the_ladder_is_the_same_for_every_horizon():
    assert {LengthLadder(horizon).random_score for horizon in (2, 4, 64, 256)} == {1 / 16}


@pytest.mark.parametrize("source", SOURCES)
def test_prompts_of_the_ladder_are_uniform(source):
    task = LengthLadder(horizon=7, vocab_size=3, scored=2)
    # 8 degrees of freedom
    check_distribution(task, source, all_sequences(2, 3), [1 / 9] * 9, limit=31.8)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"horizon": 1}, ValueError, "scored is 2, but an answer has only horizon = 1 tokens"),
        ({"scored": 0}, ValueError, "scored must be at least 1; got 0"),
        ({"vocab_size": 1}, ValueError, "vocab_size is 1, but a task needs at least 2"),
        ({"horizon": 2.5}, TypeError, "horizon"),
        (
            {"reward": "sequential"},
            ValueError,
            "reward is 'sequential', but it must be one of 'termi",
        ),
        ({"target": "reverse_cop"}, ValueError, "did you mean 'reverse_copy'"),
    ],
)
def test_wrong_ladders_are_told(changes, error, message):
    with pytest.raises(error, match=message):
        LengthLadder(**{"horizon": 8, **changes})


# --- prompts whose length differs ---


def filled(tokens, length, end):
    return [*tokens, *[end] * (length - len(tokens))]


def naive_unique(right, answer, end, horizon, reward):
    """The score of an answer if the tokens `right` are the only right ones."""
    given = said(answer, end)
    if reward == "terminal" or given == right:
        return float(given == right)
    if reward == "form":
        return 0.01 if given is not None and len(given) == len(right) else 0.0
    written, wanted = [*given, end] if given is not None else list(answer), [*right, end]
    hits = sum(a == b for a, b in zip(written, wanted, strict=False))
    return (hits / max(len(written), len(wanted))) ** 2


def prompts_of_any_length(shortest, longest, vocab_size):
    """All prompts, and how likely each is."""
    prompts, chances = [], []
    for length in range(shortest, longest + 1):
        for tokens in itertools.product(range(vocab_size - 1), repeat=length):
            prompts.append(filled(tokens, longest, vocab_size - 1))
            chances.append((vocab_size - 1) ** -length / (longest - shortest + 1))
    return np.array(prompts, np.int32), chances


@pytest.mark.parametrize("reward", [*REWARDS, "form"])
@pytest.mark.parametrize("target", ["copy", "reverse_copy"])
@pytest.mark.parametrize(("shortest", "longest", "vocab_size"), [(1, 1, 2), (1, 3, 3), (2, 3, 4), (3, 3, 2)])
def test_every_answer_to_every_prompt_of_any_length(target, reward, shortest, longest, vocab_size):
    task = VariableLengthTask(target, reward, shortest, longest, vocab_size)
    prompts, chances = prompts_of_any_length(shortest, longest, vocab_size)
    end = vocab_size - 1

    def naive(prompt, answer):
        tokens = [token for token in prompt if token != end]
        right = tokens if target == "copy" else tokens[::-1]
        return naive_unique(right, answer, end, task.horizon, reward)

    check_against(task, prompts, chances, naive)


def test_the_form_of_an_answer_pays_a_hundredth():
    task = VariableLengthTask("reverse_copy", "form", 1, 3, 3)
    prompt = np.array([0, 1, 2])
    answers = {"right": [1, 0, 2, 0], "wrong": [0, 0, 2, 1], "short": [1, 2, 2, 2], "endless": [1, 0, 0, 0]}
    assert task.score(prompt, np.array(list(answers.values()))).tolist() == [1.0, 0.01, 0.0, 0.0]
    longest = np.array([0, 1, 1])
    assert task.score(longest, np.array([[1, 1, 0, 1], [0, 1, 0, 2]])).tolist() == [0.0, 0.01]


@pytest.mark.parametrize("source", SOURCES)
def test_lengths_of_prompts_are_uniform_and_so_are_their_tokens(source):
    task = VariableLengthTask("copy", "terminal", 1, 2, 4)
    # 3 prompts of length 1 and 9 of length 2: 11 degrees of freedom
    check_distribution(task, source, *prompts_of_any_length(1, 2, 4), limit=37.4)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"min_length": 0}, ValueError, "min_length must be at least 1; got 0"),
        ({"min_length": 5}, ValueError, "max_length is 4, but it must be at least min_length = 5"),
        ({"max_length": "4"}, TypeError, "max_length"),
        ({"vocab_size": 1}, ValueError, "vocab_size is 1"),
        ({"target": "sort"}, ValueError, "target is 'sort', but it must be one of 'copy', 'reverse_copy'"),
        ({"reward": "grade"}, ValueError, "did you mean 'graded'"),
        ({"reward": "from"}, ValueError, "did you mean 'form'"),
    ],
)
def test_wrong_lengths_are_told(changes, error, message):
    settings = {"target": "copy", "reward": "terminal", "min_length": 1, "max_length": 4, "vocab_size": 3}
    with pytest.raises(error, match=message):
        VariableLengthTask(**{**settings, **changes})


# --- counting ---


def naive_count(number, digits, base):
    """The digits of 1, 2, ..., number."""
    return [int(digit) for n in range(1, number + 1) for digit in np.base_repr(n, base).zfill(digits)]


def numbers_up_to(limit, digits, base):
    written = [[int(digit) for digit in np.base_repr(n, base).zfill(digits)] for n in range(1, limit + 1)]
    return np.array(written, np.int32)


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize(("limit", "base", "digits"), [(1, 2, 1), (3, 4, 1), (4, 5, 1), (3, 2, 2)])
def test_every_answer_to_every_number(reward, limit, base, digits):
    task = CountingTask(reward, limit, base)
    assert (task.prompt_length, task.horizon, task.end) == (digits, digits * limit + 1, base)
    prompts = numbers_up_to(limit, digits, base)

    def naive(prompt, answer):
        number = int("".join(map(str, prompt)), base)
        return naive_unique(naive_count(number, digits, base), answer, base, task.horizon, reward)

    check_against(task, prompts, [1 / limit] * limit, naive)


def test_numbers_of_several_digits_are_counted_with_zeros_in_front():
    task = CountingTask("terminal", limit=12)
    assert (task.horizon, task.vocab_size) == (25, 11)
    prompts = numbers_up_to(12, 2, 10)
    for number, answer in enumerate(task.answer(prompts).tolist(), start=1):
        assert said(answer, 10) == naive_count(number, 2, 10)


@pytest.mark.parametrize("source", SOURCES)
def test_numbers_are_uniform(source):
    # 6 degrees of freedom
    check_distribution(
        CountingTask("terminal", 7, 2), source, numbers_up_to(7, 3, 2), [1 / 7] * 7, limit=27.9
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": 0}, "limit must be at least 1; got 0"),
        ({"base": 1}, "base must be at least 2; got 1"),
        ({"limit": 2**27, "base": 20}, "product must be below 2"),
        ({"reward": "sequential"}, "reward is 'sequential'"),
    ],
)
def test_wrong_counts_are_told(changes, message):
    with pytest.raises(ValueError, match=message):
        CountingTask(**{"reward": "terminal", "limit": 4, **changes})
