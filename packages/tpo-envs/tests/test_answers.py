"""What holds for every task whose answers have lengths: ends, masks, dtypes, NumPy and JAX, and wrong use."""

import dataclasses
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_envs import (
    AbstractAnswerTask,
    ArgsortTask,
    ColoringTask,
    CountdownTask,
    CountingTask,
    LengthLadder,
    TokenTask,
    VariableLengthTask,
)

TASKS = [
    LengthLadder(horizon=6, vocab_size=3, scored=2),
    LengthLadder(horizon=4, vocab_size=4, scored=3, reward="graded", target="flip"),
    VariableLengthTask("reverse_copy", "terminal", 1, 4, 3),
    VariableLengthTask("copy", "graded", 2, 3, 2),
    VariableLengthTask("reverse_copy", "form", 1, 3, 4),
    CountingTask("terminal", limit=4, base=5),
    CountingTask("graded", limit=3, base=2),
    CountdownTask("terminal", numbers=2, base=4),
    CountdownTask("graded", numbers=3),
    ColoringTask("terminal", nodes=3, edges=2, colors=2),
    ColoringTask("graded", nodes=4, edges=4, colors=5),
    ArgsortTask("terminal", length=3, values=2),
    ArgsortTask("graded", length=4, values=5),
]
every_task = pytest.mark.parametrize("task", TASKS, ids=str)
ended = pytest.mark.parametrize("task", [task for task in TASKS if task.end is not None], ids=str)
PROMPTS = 24


def some_answers(task, prompts, k=5):
    """Right, nearly right and random answers to each prompt `[b, k, h]`."""
    rng = np.random.default_rng(1)
    answers = rng.integers(0, task.vocab_size, (len(prompts), k, task.horizon), np.int32)
    answers[:, 0] = task.answer(prompts)
    answers[:, 1, : task.horizon - 1] = answers[:, 0, : task.horizon - 1]
    return answers


def drawn(task, seed=0, n=PROMPTS):
    return task.numpy_prompts(np.random.default_rng(seed), n)


def garbled(task, answers, seed=2):
    """The same answers with other tokens after their ends."""
    rng = np.random.default_rng(seed)
    anything = rng.integers(-3, task.vocab_size + 3, answers.shape, np.int32)
    return np.where(task.mask(answers), answers, anything)


def naive_length(task, answer):
    if task.end is None or task.end not in answer:
        return len(answer)
    return answer.index(task.end) + 1


@every_task
def test_an_answer_lasts_up_to_its_first_end_token(task):
    answers = some_answers(task, drawn(task))
    lengths = [[naive_length(task, answer) for answer in group] for group in answers.tolist()]
    np.testing.assert_array_equal(task.lengths(answers), lengths)
    np.testing.assert_array_equal(task.mask(answers), np.arange(task.horizon) < np.array(lengths)[..., None])
    assert task.lengths(jnp.array(answers)).dtype == jnp.int32


@every_task
def test_the_right_answer_is_right_and_filled_with_end_tokens(task):
    prompts = drawn(task)
    right = task.answer(prompts)
    assert right.shape == (PROMPTS, task.horizon)
    assert ((right >= 0) & (right < task.vocab_size)).all()
    assert task.exact_match(prompts, right).all()
    np.testing.assert_array_equal(task.score(prompts, right), 1)
    if task.end is not None:
        assert (right[~task.mask(right)] == task.end).all()
        assert (right == task.end).any(axis=-1).all()


@every_task
def test_an_answer_scores_1_just_if_it_is_right(task):
    prompts = drawn(task)
    answers = some_answers(task, prompts, k=40)
    scores = task.score(prompts[:, None], answers)
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_array_equal(scores == 1, task.exact_match(prompts[:, None], answers))


@ended
def test_what_comes_after_the_end_changes_nothing(task):
    prompts = drawn(task)
    answers = some_answers(task, prompts)
    other = garbled(task, answers)
    assert (other != answers).any()

    def found(prompts, answers):
        scores = task.score(prompts[:, None], answers)
        return scores, task.mask(answers), task.distinct_right(prompts, answers)

    for find in (found, jax.jit(found)):
        for got, expected in zip(find(prompts, other), find(prompts, answers), strict=True):
            np.testing.assert_array_equal(got, expected)


@ended
def test_an_answer_that_never_ends_is_not_right(task):
    prompts = drawn(task)
    answers = task.answer(prompts)
    answers[answers == task.end] = 0
    assert (task.lengths(answers) == task.horizon).all()
    assert not task.exact_match(prompts, answers).any()
    assert (task.score(prompts, answers) < 1).all()


@every_task
def test_numpy_and_jax_agree_under_jit_and_vmap(task):
    prompts = drawn(task)
    answers = some_answers(task, prompts)

    @jax.jit  # one program, which compiles faster than one for each of them
    def with_jax(asked, given):
        together = [method(asked[:, None], given) for method in (task.score, task.exact_match)]
        one_by_one = [
            jax.vmap(jax.vmap(method, (None, 0)))(asked, given) for method in (task.score, task.exact_match)
        ]
        found = task.answer(asked), task.mask(given), task.lengths(given), task.distinct_right(asked, given)
        return together, one_by_one, found

    together, one_by_one, found = with_jax(prompts, answers)
    expected = [method(prompts[:, None], answers) for method in (task.score, task.exact_match)]
    for got in (together, one_by_one):
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-6)
        np.testing.assert_array_equal(got[1], expected[1])
    np.testing.assert_array_equal(found[0], task.answer(prompts))
    np.testing.assert_array_equal(found[1], task.mask(answers))
    np.testing.assert_array_equal(found[2], task.lengths(answers))
    np.testing.assert_array_equal(found[3], task.distinct_right(prompts, answers))


@every_task
def test_different_right_answers_are_counted_once(task):
    prompts = drawn(task, n=6)
    answers = np.concatenate([some_answers(task, prompts, k=60)] * 2, axis=1)
    expected = []
    for prompt, group in zip(prompts, answers, strict=True):
        right = [one.tolist() for one in group if task.exact_match(prompt, one)]
        expected.append(len({tuple(one[: naive_length(task, one)]) for one in right}))
    np.testing.assert_array_equal(task.distinct_right(prompts, answers), expected)
    assert min(expected) >= 1


def test_so_many_answers_are_counted_that_their_pairs_would_fill_the_memory():
    task = TASKS[0]
    prompts = drawn(task, n=1)
    answers = np.repeat(some_answers(task, prompts, k=60), 2_000, axis=1)
    np.testing.assert_array_equal(
        task.distinct_right(prompts, answers), task.distinct_right(prompts, answers[:, ::2_000])
    )


@every_task
def test_prompts_are_a_function_of_the_seed_or_key(task):
    with_jax = jax.jit(lambda key: task.prompts(key, PROMPTS))
    for draw in (lambda seed: drawn(task, seed), lambda seed: with_jax(jax.random.key(seed))):
        assert draw(0).shape == (PROMPTS, task.prompt_length)
        assert draw(0).dtype == np.int32
        np.testing.assert_array_equal(draw(0), draw(0))
        assert (draw(0) != draw(1)).any()


# One of each way to draw: operation by operation takes long to compile.
@pytest.mark.parametrize("task", [TASKS[0], TASKS[2], *TASKS[5::2]], ids=str)
def test_prompts_are_the_same_without_a_compiler(task):
    key = jax.random.key(0)
    np.testing.assert_array_equal(jax.jit(lambda key: task.prompts(key, 3))(key), task.prompts(key, 3))


@every_task
def test_every_integer_dtype_gives_the_same_scores(task):
    prompts = drawn(task)
    answers = some_answers(task, prompts)[:, 2]
    expected = task.score(prompts, answers)
    for dtype in (np.int8, np.uint8, np.uint16, np.int64, np.uint64):
        np.testing.assert_array_equal(task.score(prompts.astype(dtype), answers.astype(dtype)), expected)
        group = answers.astype(dtype)[:, None]
        np.testing.assert_array_equal(
            task.distinct_right(prompts, group), task.distinct_right(prompts, answers[:, None])
        )
    with jax.numpy_dtype_promotion("strict"):
        narrow = jnp.asarray(prompts, jnp.int8), jnp.asarray(answers, jnp.uint8)
        np.testing.assert_allclose(jax.jit(task.score)(*narrow), expected, rtol=1e-6)


@every_task
def test_tokens_out_of_range_are_never_right(task):
    prompts = drawn(task)
    answers = task.answer(prompts)
    for wrong in (-1, task.vocab_size, 2**31 - 1, -(2**31)):
        answers[:, 0] = wrong
        assert not task.exact_match(prompts, answers).any()
        assert ((task.score(prompts, answers) >= 0) & (task.score(prompts, answers) < 1)).all()


@every_task
def test_the_random_score_is_what_random_answers_score(task):
    n = 60_000
    prompts = drawn(task, seed=5, n=n)
    answers = np.random.default_rng(6).integers(0, task.vocab_size, (n, task.horizon), np.int32)
    scores = task.score(prompts, answers)
    # Five standard errors; 1e-4 where no random answer scores.
    assert abs(scores.mean() - task.random_score) < 5 * scores.std() / np.sqrt(n) + 1e-4
    assert task.optimal_score == 1


@every_task
def test_a_task_is_an_argument_of_a_compiled_function_and_can_be_sent(task):
    prompts = jnp.array(drawn(task))
    score = jax.jit(lambda task, prompts: task.score(prompts, task.answer(prompts)))
    assert (score(task, prompts) == 1).all()
    assert jax.tree.leaves(task) == []
    assert pickle.loads(pickle.dumps(task)) == task
    assert hash(pickle.loads(pickle.dumps(task))) == hash(task)


@every_task
@pytest.mark.parametrize("namespace", [np, jnp])
def test_wrong_tokens_get_one_clear_message(task, namespace):
    prompts = namespace.zeros((2, task.prompt_length), namespace.int32)
    answers = namespace.zeros((2, task.horizon), namespace.int32)
    p, h = task.prompt_length, task.horizon
    exact_match = task.exact_match if namespace is np else jax.jit(task.exact_match)
    for call, error, message in [
        (lambda: task.score(prompts[:, 1:], answers), ValueError, rf"prompts must be .* {p}\]; got shape"),
        (lambda: task.score(prompts, answers[:, 1:]), ValueError, rf"answers must be .* {h}\]; got shape"),
        (lambda: task.score(prompts, answers / 2), TypeError, "answers must be .*; got dtype float"),
        (lambda: task.mask(answers > 0), TypeError, "answers must be integer tokens .*; got dtype bool"),
        (lambda: exact_match(prompts[:1], answers[:1].repeat(3, 0)[:, None]), None, None),
        (
            lambda: task.score(prompts, answers[:1].repeat(3, 0)),
            ValueError,
            rf"leading axes must be equal or 1, .* prompts \(2, {p}\) and answers \(3, {h}\)",
        ),
    ]:
        if error is None:
            call()
            continue
        with pytest.raises(error, match=message):
            call()


def test_arguments_are_not_written_into_and_answers_may_be():
    for task in TASKS:
        prompts = drawn(task)
        before = prompts.copy()
        answers = task.answer(prompts)
        answers[:] = 0
        task.score(prompts, answers)
        np.testing.assert_array_equal(prompts, before)


# --- a token task is a task whose answers never end ---


def test_the_answers_of_a_token_task_have_one_length():
    task = TokenTask("copy", "terminal", 3, 2)
    assert isinstance(task, AbstractAnswerTask)
    assert (task.end, task.prompt_length) == (None, 3)
    prompts = np.array([[0, 1, 1]])
    answers = np.array([[[0, 1, 1], [0, 1, 1], [1, 1, 1]]])
    assert task.mask(answers).all()
    assert task.lengths(answers).tolist() == [[3, 3, 3]]
    assert task.distinct_right(prompts, answers).tolist() == [1]


# --- your own ---


@dataclasses.dataclass(frozen=True)
class Own(AbstractAnswerTask):
    """Say the prompt's only token and end."""

    prompt_length: int = 1
    horizon: int = 2
    vocab_size: int = 3

    def prompts(self, key, batch):
        return jax.random.randint(key, (batch, 1), 0, 2)

    def numpy_prompts(self, rng, batch):
        return rng.integers(0, 2, (batch, 1), np.int32)

    def answer(self, prompts):
        return prompts[..., [0, 0]] * np.array([1, 0]) + np.array([0, 2])


def test_a_task_of_your_own_needs_three_methods():
    task = Own()
    prompts = np.array([[0], [1]])
    assert task.score(prompts, np.array([[0, 2], [0, 2]])).tolist() == [1, 0]
    assert jax.jit(lambda task, p: task.score(p, task.answer(p)))(task, jnp.array(prompts)).tolist() == [1, 1]
    # A random answer is right with probability 1 / 9; three standard errors of 16,384.
    assert abs(task.random_score - 1 / 9) < 3 * np.sqrt(8) / 9 / 128
    assert task.random_score == Own().random_score


def test_what_a_task_of_your_own_lacks_is_told():
    lacking = dataclasses.make_dataclass("Lacking", [("horizon", int, 2)], bases=(Own,), frozen=True)
    assert lacking().horizon == 2

    class Bare(AbstractAnswerTask):
        prompts = numpy_prompts = answer = None  # pyright: ignore[reportAssignmentType]

    with pytest.raises(TypeError, match="needs the fields prompt_length, horizon and vocab_size"):
        dataclasses.dataclass(frozen=True)(Bare)()

    class Wide(Own):
        def answer(self, prompts):
            return prompts

    with pytest.raises(
        ValueError, match=r"^Wide\.answer returned shape \(2, 1\); expected the shape .*\(2, 2\)$"
    ):
        Wide().score(np.zeros((2, 1), int), np.zeros((2, 2), int))
