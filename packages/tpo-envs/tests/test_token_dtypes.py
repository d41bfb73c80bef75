"""Integers of any width are the same tokens, other numbers are none, and no argument is written into."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_envs import (
    TARGETS,
    AbstractBandit,
    AbstractTokenTask,
    BracketTask,
    Contexts,
    ContextTable,
    MultiTurnTask,
    NoisyVerifier,
    NumpyTokenTask,
    TokenTask,
    make_numpy,
    score,
)


@dataclasses.dataclass(frozen=True)
class Doubled(AbstractTokenTask):
    """Twice every token, modulo the vocabulary: overflows in 8 bits."""

    reward: str = "bag_of_tokens"
    horizon: int = 4
    vocab_size: int = 100

    def answer(self, prompts):
        return (prompts + prompts) % self.vocab_size


TASKS = [
    *(TokenTask(target, "bag_of_tokens", 4, 100) for target in TARGETS),
    TokenTask("parity", "sequential", 64, 10),
    MultiTurnTask("copy", "bag_of_tokens", 2, 4, 100),
    MultiTurnTask("parity", "sequential", 2, 4, 128),
    BracketTask("sequential", 4, 100),
    NoisyVerifier("modular_addition", 4, 100, 0.3, 0.3),
    Doubled(),
]
NARROW = [np.int8, np.uint8, np.int16, np.uint16, np.uint32, np.uint64, ">i4"]


def questions_and_answers(task):
    prompts = task.numpy_prompts(np.random.default_rng(0), 16).astype(np.int64)
    answers = task.answer(prompts)
    answers[8:, 1] = (answers[8:, 1] + 1) % task.vocab_size
    return prompts, answers


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_every_integer_dtype_gives_the_same_answers_and_scores(task):
    prompts, answers = questions_and_answers(task)
    expected = task.answer(prompts), task.score(prompts, answers), task.correct(prompts, answers)
    for dtype in NARROW:
        given = prompts.astype(dtype), answers.astype(dtype)
        for got, right in zip(
            (task.answer(given[0]), task.score(*given), task.correct(*given)), expected, strict=True
        ):
            np.testing.assert_array_equal(got, right, err_msg=str(dtype))
        np.testing.assert_array_equal(NumpyTokenTask(task).score(*given), expected[1])
        np.testing.assert_array_equal(task.score(prompts, given[1]), expected[1])
    for dtype in (jnp.int8, jnp.uint8):
        given = jnp.asarray(prompts, dtype), jnp.asarray(answers, dtype)
        np.testing.assert_array_equal(task.answer(given[0]), expected[0])
        with jax.numpy_dtype_promotion("strict"):
            np.testing.assert_array_equal(
                task.correct(given[0], jnp.asarray(answers, jnp.int32)), expected[2]
            )


def test_tokens_above_those_of_int8_fit_uint8():
    prompts = np.array([[150, 150, 199, 1]], np.uint8)
    assert TokenTask("modular_addition", "terminal", 4, 200).answer(prompts).tolist() == [[100, 149, 0, 151]]
    assert TokenTask("parity", "terminal", 4, 200).answer(jnp.asarray(prompts)).tolist() == [
        [150, 100, 99, 100]
    ]


def test_an_answer_may_need_more_bits_than_its_prompt():
    prompts = np.array([[100, 0]], np.int8)
    assert TokenTask("flip", "terminal", 2, 200).answer(prompts).tolist() == [[99, 199]]


def test_integers_of_four_bits_are_tokens_too():
    prompts = jnp.array([[3, 3, 1]], jnp.int4)
    assert TokenTask("modular_addition", "terminal", 3, 4).answer(prompts).tolist() == [[2, 0, 0]]


@pytest.mark.parametrize("dtype", [bool, np.float32, complex, object, "m8[s]", "M8[s]", "U1"])
@pytest.mark.parametrize("method", ["answer", "score", "exact_match", "token_rewards", "candidate_rewards"])
def test_other_dtypes_are_refused_by_name(dtype, method):
    task, right = TokenTask("copy", "bag_of_tokens", 2, 2), np.zeros((1, 2), np.int32)
    wrong = np.zeros((1, 2), dtype)
    given = {"answer": [wrong], "candidate_rewards": [right, right, wrong[..., None]]}.get(
        method, [right, wrong]
    )
    name = {"answer": "prompts", "candidate_rewards": "candidates"}.get(method, "answers")
    with pytest.raises(TypeError, match=rf"{name} must be integer tokens .*got dtype"):
        getattr(task, method)(*given)


def test_candidates_of_the_wrong_shape_are_refused():
    task, tokens = TokenTask("copy", "bag_of_tokens", 3, 2), np.zeros((1, 3), np.int32)
    with pytest.raises(
        ValueError, match=r"candidates must be integer tokens \[\.\.\., 3, k\]; got shape \(1, 2, 3\)"
    ):
        task.candidate_rewards(tokens, tokens, np.zeros((1, 2, 3), np.int32))


@pytest.mark.parametrize("wrong", [2, -1, 2**32, 2**32 + 1])
def test_a_token_out_of_range_is_not_right_and_is_refused_with_its_place(wrong):
    task, prompts = TokenTask("copy", "terminal", 2, 2), np.array([[0, 1]])
    answers = np.array([[0, wrong]])
    assert task.score(prompts, answers).tolist() == [0]
    with pytest.raises(ValueError, match=rf"answers must be from 0 to 1; .* {wrong} at \[0, 1\]"):
        NumpyTokenTask(task).score(prompts, answers)


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ((2, 2**31), ValueError, "vocab_size is 2147483648 and horizon 2, .* below 2"),
        ((2.0, 2), TypeError, "horizon"),
        ((2, "4"), TypeError, "vocab_size"),
    ],
)
def test_sizes_whose_sums_would_overflow_and_sizes_that_are_no_numbers_are_refused(sizes, error, message):
    with pytest.raises(error, match=message):
        TokenTask("copy", "terminal", *sizes)


# --- bandits ---


class Labelled(AbstractBandit):
    """A bandit whose labels are stored in eight bits."""

    num_actions: int = 300

    def sample(self, key, batch):
        return Contexts(jnp.zeros(batch, jnp.uint8), jnp.full(batch, 44, jnp.uint8))

    def all_contexts(self):
        return self.sample(None, 2)


def test_labels_and_actions_of_bandits_may_be_narrow():
    task = Labelled()
    rewards = task.all_rewards(task.all_contexts())
    assert rewards.sum() == 2
    assert rewards[0, 44] == 1
    table = ContextTable(2, 300, correct=np.array([44, 200], np.uint8))
    actions = np.array([44, 200], np.uint8)
    with jax.numpy_dtype_promotion("strict"):
        assert table.reward(table.all_contexts(), jnp.asarray(actions)).tolist() == [1, 1]
    numpy_table = make_numpy("bandit-c1000-a100-gap1")
    contexts = numpy_table.sample(0, 9)
    assert numpy_table.score(contexts, contexts.labels.astype(np.uint8)).tolist() == [1] * 9
    answers = make_numpy("bandit-c100-a10-gap1").sample(0, 9).labels.astype(np.int8)
    assert score("bandit-c100-a10-gap1", answers, n=9).mean_return.mean == 1


@pytest.mark.parametrize("dtype", [bool, float])
def test_actions_that_are_no_integers_are_refused(dtype):
    table = ContextTable(2, 3, correct=[0, 1])
    with pytest.raises(TypeError):
        table.reward(table.all_contexts(), jnp.array([0, 1], dtype))
    with pytest.raises(TypeError):
        score("bandit-c1-a10-gap1", np.zeros(5, dtype), n=5)


# --- nothing that is given is changed ---


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_answers_may_be_changed_and_the_prompts_stay(task):
    prompts = task.numpy_prompts(np.random.default_rng(0), 4)
    before = prompts.copy()
    answers = task.answer(prompts)
    answers[:] = (answers + 1) % task.vocab_size
    np.testing.assert_array_equal(prompts, before)
    inputs = NumpyTokenTask(task).inputs(prompts)
    inputs[:] = 0
    np.testing.assert_array_equal(prompts, before)


def test_a_task_that_sorts_its_prompts_in_place_is_refused_and_not_silently_right():
    class InPlace(Doubled):
        def answer(self, prompts):
            prompts.sort(axis=-1)
            return prompts

    tokens = np.array([[3, 2, 1, 0]])
    with pytest.raises(ValueError, match="read-only"):
        InPlace().score(tokens, tokens)
    assert tokens.tolist() == [[3, 2, 1, 0]]


# --- as arguments of compiled functions ---


def test_a_task_of_your_own_is_an_argument_of_a_compiled_function():
    prompts = jnp.array([[1, 2, 60, 99]])
    score_it = jax.jit(lambda task, prompts, answers: task.score(prompts, answers))
    assert score_it(Doubled(), prompts, jnp.array([[2, 4, 20, 98]])).tolist() == [1]
    assert score_it(Doubled(vocab_size=101), prompts, jnp.array([[2, 4, 19, 97]])).tolist() == [1]
    assert jax.tree.leaves(Doubled()) == []


def test_a_task_whose_author_has_registered_it_stays_as_registered():
    registered = jax.tree_util.register_static(type("Registered", (Doubled,), {}))
    assert jax.jit(lambda task: task.vocab_size * jnp.ones(()))(registered()) == 100
