"""Tasks with many right answers by brute force: every answer to every prompt, scored in plain Python."""

import itertools
from collections import Counter

import numpy as np
import pytest
from answer_oracle import REWARDS, SOURCES, all_sequences, check_against, check_distribution, draw, said

from tpo_envs import ArgsortTask, ColoringTask, CountdownTask

# --- countdown ---

SIGNS = {0: lambda a, b: a + b, 1: lambda a, b: a - b, 2: lambda a, b: a * b}


def naive_value(given, tokens, base):
    """The value of an expression of the given numbers, or None if it is none."""
    if tokens is None or len(tokens) % 2 == 0:
        return None
    numbers, signs = tokens[::2], [token - base for token in tokens[1::2]]
    if Counter(numbers) - Counter(given) or not all(sign in SIGNS for sign in signs):
        return None
    value = numbers[0]
    for sign, number in zip(signs, numbers[1:], strict=True):
        value = SIGNS[sign](value, number)
    return value


def naive_countdown(prompt, answer, numbers, base, reward):
    target = 0
    for digit in prompt[numbers:]:
        target = target * base + digit
    value = naive_value(prompt[:numbers], said(answer, base + 3), base)
    if value is None:
        return 0.0
    return float(value == target) if reward == "terminal" else 1 / (1 + abs(value - target))


def countdown_prompts(numbers, base, digits):
    """All prompts, and how likely each is: by every order of numbers and every way to draw operators."""
    chances = Counter()

    def go_on(drawn, left, value, chance):
        if not left:
            target = [value // base**place % base for place in reversed(range(digits))]
            chances[*sorted(drawn), *target] += chance
            return
        results = [sign(value, left[0]) for sign in SIGNS.values()]
        allowed = [result for result in results if 0 <= result < base**digits]
        for result in allowed:
            go_on(drawn, left[1:], result, chance / len(allowed))

    for drawn in itertools.product(range(1, base), repeat=numbers):
        go_on(drawn, drawn[1:], drawn[0], (base - 1) ** -numbers)
    return np.array(list(chances), np.int32), list(chances.values())


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize(("base", "digits"), [(3, 2), (4, 2), (3, 3)])
def test_every_answer_to_every_countdown_of_two_numbers(reward, base, digits):
    task = CountdownTask(reward, 2, base, digits)

    def naive(prompt, answer):
        return naive_countdown(prompt, answer, 2, base, reward)

    check_against(task, *countdown_prompts(2, base, digits), naive)


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize("numbers", [3, 4])
def test_expressions_and_nearly_expressions_of_more_numbers(reward, numbers):
    task, rng = CountdownTask(reward, numbers), np.random.default_rng(0)
    prompts = draw(task, "numpy", 300)
    answers = np.repeat(task.answer(prompts)[:, None], 8, axis=1)
    # Other numbers, operators and ends at one or two places of right answers.
    for change in (1, 2):
        place = rng.integers(0, task.horizon, (300, 8))
        token = rng.integers(0, task.vocab_size, (300, 8))
        which = np.arange(8) >= 2 * change
        answers = np.where(
            which[:, None] & (np.arange(task.horizon) == place[..., None]), token[..., None], answers
        )
    expected = [
        [naive_countdown(prompt, answer, numbers, 10, reward) for answer in group]
        for prompt, group in zip(prompts.tolist(), answers.tolist(), strict=True)
    ]
    np.testing.assert_allclose(task.score(prompts[:, None], answers), expected, rtol=1e-12)
    assert 0.3 < np.mean(expected) < 0.9


def test_the_random_score_of_three_numbers_counts_each_expression_once():
    prompts, chances = countdown_prompts(3, 3, 2)
    tokens = all_sequences(5, 7)
    for reward in REWARDS:
        task, total = CountdownTask(reward, 3, 3, 2), np.zeros(len(prompts))
        for count in (1, 2, 3):
            written = tokens[(tokens[:, 2 * count - 1 :] == 6).all(axis=1)]
            written = np.unique(written[(written[:, : 2 * count - 1] != 6).all(axis=1)], axis=0)
            ended = np.append(written, np.full((len(written), 1), 6, np.int32), axis=1)
            total += task.score(prompts[:, None], ended).sum(axis=1) / 7.0 ** (2 * count)
        assert task.random_score == pytest.approx(np.array(chances) @ total, rel=1e-9)


def test_the_random_score_of_a_large_base_is_an_estimate_that_repeats():
    task = CountdownTask("graded", 4, base=30)
    assert task.random_score == CountdownTask("graded", 4, base=30).random_score
    assert 0 < task.random_score < 0.01


@pytest.mark.parametrize("source", SOURCES)
def test_countdowns_are_drawn_as_stated(source):
    prompts, chances = countdown_prompts(2, 3, 2)
    # 8 degrees of freedom
    check_distribution(CountdownTask("terminal", 2, 3), source, prompts, chances, limit=31.8)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("settings", [(2, 10), (3, 10), (4, 10), (4, 30), (3, 100)])
def test_every_countdown_has_a_right_answer(source, settings):
    task = CountdownTask("terminal", *settings)
    prompts = draw(task, source, 200)
    assert ((prompts >= 0) & (prompts < task.base)).all()
    assert (np.diff(prompts[:, : task.numbers]) >= 0).all()
    assert task.exact_match(prompts, task.answer(prompts)).all()


def test_a_countdown_without_a_right_answer_gets_a_wrong_one():
    task = CountdownTask("terminal", 2)
    prompt = np.array([1, 1, 9, 9])
    assert not task.exact_match(prompt, task.answer(prompt))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"numbers": 1}, "numbers must be at least 2; got 1"),
        ({"numbers": 5}, "numbers is 5, but it must be from 2 to 4"),
        ({"base": 2}, "base must be at least 3; got 2"),
        ({"target_digits": 1}, "target_digits must be at least 2; got 1"),
        ({"target_digits": 9}, r"base is 10 with 3 numbers and 9 digits .* below 2\^30"),
        ({"base": 2000}, r"below 2\^30"),
        ({"reward": "share"}, "reward is 'share'"),
    ],
)
def test_wrong_countdowns_are_told(changes, message):
    with pytest.raises(ValueError, match=message):
        CountdownTask(**{"reward": "terminal", "numbers": 3, **changes})


# --- coloring ---


def naive_coloring(prompt, answer, nodes, colors, end, reward):
    given = said(answer, end)
    if given is None or len(given) != nodes or not all(0 <= color < colors for color in given):
        return 0.0
    right = [given[a] != given[b] for a, b in zip(prompt[::2], prompt[1::2], strict=True)]
    return float(all(right)) if reward == "terminal" else (sum(right) / len(right)) ** 2


def coloring_prompts(nodes, edges, colors):
    """All prompts, and how likely each is: by every order of nodes and every choice of edges."""
    chances = Counter()
    for order in itertools.permutations(range(nodes)):
        hidden = {node: i % colors for i, node in enumerate(order)}
        crossing = [p for p in itertools.combinations(range(nodes), 2) if hidden[p[0]] != hidden[p[1]]]
        graphs = list(itertools.combinations(crossing, edges))
        for graph in graphs:
            chances[tuple(itertools.chain(*graph))] += 1 / len(graphs)
    total = sum(chances.values())
    return np.array(list(chances), np.int32), [chance / total for chance in chances.values()]


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize(
    ("nodes", "edges", "colors"), [(2, 1, 2), (3, 2, 2), (3, 2, 3), (4, 4, 2), (4, 3, 3), (2, 1, 4)]
)
def test_every_answer_to_every_graph(reward, nodes, edges, colors):
    task = ColoringTask(reward, nodes, edges, colors)
    end = max(nodes, colors)
    assert task.end == end

    def naive(prompt, answer):
        return naive_coloring(prompt, answer, nodes, colors, end, reward)

    check_against(task, *coloring_prompts(nodes, edges, colors), naive)


@pytest.mark.parametrize("source", SOURCES)
def test_graphs_are_drawn_as_stated_and_can_be_colored(source):
    prompts, chances = coloring_prompts(4, 2, 2)
    # At most 14 degrees of freedom
    check_distribution(ColoringTask("terminal", 4, 2, 2), source, prompts, chances, limit=42.6)
    large = ColoringTask("terminal", 7, 12, 3)
    drawn = draw(large, source, 200)
    assert large.exact_match(drawn, large.answer(drawn)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": 1}, "nodes must be at least 2; got 1"),
        ({"edges": 6}, "edges is 6, but at most 5 pairs of nodes have two colors"),
        ({"edges": 0}, "edges must be at least 1; got 0"),
        ({"colors": 1}, "colors must be at least 2; got 1"),
        ({"nodes": 8}, r"colors is 3 and nodes 8, but colors\^nodes must be at most 4096"),
        ({"nodes": 10**9}, "must be at most 4096"),
    ],
)
def test_wrong_graphs_are_told(changes, message):
    with pytest.raises(ValueError, match=message):
        ColoringTask(**{"reward": "terminal", "nodes": 4, "edges": 3, **changes})


# --- argsort ---


def naive_argsort(prompt, answer, end, reward):
    given = said(answer, end)
    if given is None or len(given) != len(prompt):
        return 0.0
    right = [
        0 <= place < len(prompt) and place not in given[:t] and prompt[place] == value
        for t, (place, value) in enumerate(zip(given, sorted(prompt), strict=True))
    ]
    return float(all(right)) if reward == "terminal" else (sum(right) / len(right)) ** 2


@pytest.mark.parametrize("reward", REWARDS)
@pytest.mark.parametrize(("length", "values"), [(1, 1), (2, 2), (2, 3), (3, 1), (3, 2), (3, 4), (4, 2)])
def test_every_answer_to_all_values(reward, length, values):
    task = ArgsortTask(reward, length, values)
    prompts = all_sequences(length, values)

    def naive(prompt, answer):
        return naive_argsort(prompt, answer, max(length, values), reward)

    check_against(task, prompts, [1 / len(prompts)] * len(prompts), naive)


def test_equal_values_may_come_in_any_order():
    task = ArgsortTask("terminal", length=4, values=2)
    answers = all_sequences(5, 5)
    prompts = np.array([[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 1, 1]])
    groups = np.broadcast_to(answers, (3, *answers.shape))
    assert task.distinct_right(prompts, groups).tolist() == [24, 4, 6]


@pytest.mark.parametrize("source", SOURCES)
def test_values_are_uniform(source):
    # 8 degrees of freedom
    check_distribution(ArgsortTask("terminal", 2, 3), source, all_sequences(2, 3), [1 / 9] * 9, limit=31.8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length": 0}, "length must be at least 1; got 0"),
        ({"values": 0}, "values must be at least 1; got 0"),
        ({"reward": "dense"}, "reward is 'dense'"),
    ],
)
def test_wrong_sizes_of_argsort_are_told(changes, message):
    with pytest.raises(ValueError, match=message):
        ArgsortTask(**{"reward": "terminal", "length": 3, "values": 2, **changes})
