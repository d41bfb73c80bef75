"""Policies that write into their inputs, return what is no answer, raise or leave."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from tpo_envs import (
    AbstractTokenTask,
    NumpyBandit,
    NumpyTokenTask,
    evaluation_inputs,
    make_numpy,
    run_suite,
    score,
)

TASK, BANDIT = "token-reversal-bag-h4-v2", "bandit-c100-a10-gap1"


def zeros_in_place(inputs):
    inputs[:] = 0
    return inputs


@pytest.mark.parametrize(
    "task_id", [TASK, BANDIT, "brackets-terminal-h4-v4", "noisy-reversal-fp30-fn30-h4-v2"]
)
def test_a_policy_that_writes_into_its_inputs_is_judged_by_the_real_ones(task_id):
    honest = score(task_id, np.zeros_like(evaluation_inputs(task_id)))
    assert score(task_id, zeros_in_place) == honest
    results = run_suite(lambda task, seed: zeros_in_place, task_id)["tasks"][task_id]
    assert results["exact_match"]["mean"] == honest.exact_match.mean < 1


def test_images_are_the_same_after_a_policy_that_writes_into_them():
    pytest.importorskip("sklearn")

    def spoils(pixels):
        pixels[:] = 0
        return np.zeros(len(pixels), int)

    before = evaluation_inputs("digits-bandit", n=20)
    score("digits-bandit", spoils, n=20)
    np.testing.assert_array_equal(evaluation_inputs("digits-bandit", n=20), before)
    with pytest.raises(ValueError, match="read-only"):
        make_numpy("digits-bandit").all_inputs[:] = 0


RETURNS = {
    "None": (None, TypeError, "got dtype object of NoneType"),
    "floats": (np.zeros((5, 4)), TypeError, "got dtype float64"),
    "NaN": (np.full((5, 4), np.nan), TypeError, "got dtype float64"),
    "booleans": (np.zeros((5, 4), bool), TypeError, "got dtype bool"),
    "words": ([["a"] * 4] * 5, TypeError, "got dtype <U1"),
    "ragged lists": ([[0, 1], [0]], TypeError, "list, which is not an array"),
    "huge integers": ([[2**70] * 4] * 5, TypeError, "got dtype object"),
    "a generator": ((x for x in "ab"), TypeError, "got dtype object of generator"),
    "one too few": (np.zeros((4, 4), int), ValueError, r"got shape \(4, 4\)"),
    "a number": (3, ValueError, r"got shape \(\)"),
    "another axis": (np.zeros((5, 4, 1), int), ValueError, r"got shape \(5, 4, 1\)"),
    "a token too large": (np.eye(5, 4, dtype=int) * 2, ValueError, r"from 0 to 1; .* 2 at \[0, 0\]"),
    "a negative token": (-np.eye(5, 4, dtype=np.int8), ValueError, r"-1 at \[0, 0\]"),
}


@pytest.mark.parametrize("name", RETURNS)
def test_what_is_no_answer_is_refused_with_the_task_and_what_is_expected(name):
    returned, error, message = RETURNS[name]
    with pytest.raises(error, match=f"{TASK}: answers must be .*{message}"):
        score(TASK, lambda inputs: returned, n=5)


@pytest.mark.parametrize("given", [np.zeros((5, 4), np.uint8), [[0] * 4] * 5, jnp.zeros((5, 4), int)])
def test_lists_and_arrays_of_jax_are_answers(given):
    assert score(TASK, lambda inputs: given, n=5) == score(TASK, np.zeros((5, 4), int), n=5)


def raises(error):
    def policy(inputs):
        raise error

    return policy


@pytest.mark.parametrize(
    "error", [ValueError("lost"), KeyError("weights"), StopIteration(), ZeroDivisionError()]
)
def test_an_error_of_a_policy_keeps_its_type_and_names_the_task(error):
    with pytest.raises(type(error)) as caught:
        score(TASK, raises(error), n=5)
    assert "integers [5, 4] from 0 to 1" in caught.value.__notes__[0]
    assert TASK in caught.value.__notes__[0]


@pytest.mark.parametrize("code", [None, 0, 3])
def test_leaving_the_program_is_an_error_that_names_the_task(code):
    with pytest.raises(RuntimeError, match=rf"policy on task '{TASK}' called sys.exit\({code}\)"):
        score(TASK, raises(SystemExit(code)), n=5)
    with pytest.raises(RuntimeError, match=rf"method on task '{TASK}', seed 0 called sys.exit"):
        run_suite(lambda task, seed: raises(SystemExit(code))(None), TASK, n=5)


def test_a_method_that_forgets_its_policy_is_named():
    with pytest.raises(TypeError, match=f"{TASK}: method.* must return a policy"):
        run_suite(lambda task, seed: None, TASK, n=5)
    with pytest.raises(TypeError):
        run_suite(None, TASK)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 2.0}, {"n": True}, {"seeds": 0}])
def test_counts_are_checked_before_anything_is_run(wrong):
    with pytest.raises((ValueError, TypeError), match=r"n |seeds|'n'"):
        run_suite(lambda task, seed: pytest.fail("run"), TASK, **wrong)


# --- rewards that are no numbers ---


@dataclasses.dataclass(frozen=True)
class Broken(AbstractTokenTask):
    """A task that divides by zero."""

    worth: float = float("nan")
    reward: str = "terminal"
    horizon: int = 2
    vocab_size: int = 2

    def answer(self, prompts):
        return prompts

    def score(self, prompts, answers):
        return np.where(prompts[..., 0] == 1, self.worth, 0.0)

    def token_rewards(self, prompts, answers):
        return self.score(prompts, answers)[..., None] * np.ones(2)


@pytest.mark.parametrize("worth", [float("nan"), float("inf"), -float("inf")])
def test_a_task_that_pays_what_is_no_number_is_named(worth):
    task, tokens = NumpyTokenTask(Broken(worth)), np.array([[0, 1], [1, 0]])
    with pytest.raises(ValueError, match=rf"Broken.* pays {worth} for the answer at \[1\]"):
        task.score(tokens, tokens)
    with pytest.raises(ValueError, match=rf"Broken.* pays {worth} for the answer at \[1, 0\]"):
        task.token_rewards(tokens, tokens)


@pytest.mark.parametrize(
    ("labels", "actions", "gap", "error"),
    [
        ([0.5], 2, 1.0, TypeError),
        ([2], 2, 1.0, ValueError),
        ([0, 1], 2, 1.0, ValueError),
        ([0], 2, float("nan"), ValueError),
        ([0], 2, 0.0, ValueError),
        ([0], 0, 1.0, ValueError),
    ],
)
def test_a_bandit_with_wrong_labels_or_gap_is_refused(labels, actions, gap, error):
    with pytest.raises(error):
        NumpyBandit(np.arange(1), labels, actions, gap=gap)
