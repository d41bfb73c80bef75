"""Brute force over all answers, which the tests of answers with lengths share."""

import itertools

import jax
import numpy as np
import pytest

REWARDS = ("terminal", "graded")
SOURCES = ("numpy", "jax")


def all_sequences(length, count):
    return np.array(list(itertools.product(range(count), repeat=length)), np.int32).reshape(-1, length)


def said(answer, end):
    """The tokens before the end, or None if there is no end."""
    answer = list(answer)
    return answer[: answer.index(end)] if end in answer else None


def draw(task, source, n, seed=0):
    if source == "numpy":
        return task.numpy_prompts(np.random.default_rng(seed), n)
    return np.asarray(task.prompts(jax.random.key(seed), n))


def check_distribution(task, source, prompts, chances, limit, n=20_000):
    """Chi-square of the drawn prompts; `limit` is beyond the 1e-4 tail of its degrees of freedom."""
    found = draw(task, source, n)
    counts = np.array([(found == prompt).all(axis=1).sum() for prompt in prompts])
    assert counts.sum() == n, "every prompt is one of these"
    expected = n * np.array(chances)
    assert ((counts - expected) ** 2 / expected).sum() < limit


def check_against(task, prompts, chances, naive):
    """Scores of every answer to every prompt, and their mean."""
    answers = all_sequences(task.horizon, task.vocab_size)
    expected = np.array([[naive(p, a) for a in answers.tolist()] for p in prompts.tolist()])
    scores = task.score(prompts[:, None], answers)
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
    np.testing.assert_array_equal(task.exact_match(prompts[:, None], answers), expected == 1)
    assert sum(chances) == pytest.approx(1)
    assert task.random_score == pytest.approx(np.array(chances) @ expected.mean(axis=1), rel=1e-9)
    groups = np.broadcast_to(answers, (len(prompts), *answers.shape))
    lengths = [{tuple(said(a, task.end) or a) for a in answers[row == 1].tolist()} for row in expected]
    np.testing.assert_array_equal(task.distinct_right(prompts, groups), [len(right) for right in lengths])
