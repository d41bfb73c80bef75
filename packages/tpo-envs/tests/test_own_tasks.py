"""Tasks that a user writes: what is right works, and what is wrong is told in one line."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tpo_envs import AbstractTokenTask

PROMPTS = np.array([[0, 1], [1, 1]], np.int32)


class Own(AbstractTokenTask):
    """The prompt itself, unless the test says what to answer."""

    def answer(self, prompts):
        return prompts


@dataclasses.dataclass(frozen=True)
class Copy(Own):
    """A task as the guide writes it."""

    reward: str = "terminal"
    horizon: int = 2
    vocab_size: int = 2


def answering(function):
    return type("Mine", (Copy,), {"answer": lambda self, prompts: function(prompts)})()


def test_a_task_needs_its_answer_alone():
    answers = np.array([[0, 1], [0, 1]], np.int32)
    assert Copy().score(PROMPTS, answers).tolist() == [1, 0]
    assert jax.jit(Copy().score)(PROMPTS, answers).tolist() == [1, 0]


@pytest.mark.parametrize("namespace", [np, jnp])
@pytest.mark.parametrize(
    ("function", "returned"),
    [
        (lambda prompts: prompts[..., :1], r"shape \(2, 1\)"),
        (lambda prompts: prompts[..., [0, 1, 1]], r"shape \(2, 3\)"),
        (lambda prompts: prompts.sum(), r"shape \(\)"),
        (lambda prompts: None, "a NoneType"),
    ],
)
def test_answers_of_another_shape_are_refused(function, returned, namespace):
    prompts = namespace.asarray(PROMPTS)
    expected = rf"^Mine\.answer returned {returned}; expected the prompts' shape \(2, 2\)$"
    with pytest.raises(ValueError, match=expected):
        answering(function).token_rewards(prompts, prompts)


def test_a_reward_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"reward is 'terminl'.*did you mean 'terminal'"):
        Copy(reward="terminl").score(PROMPTS, PROMPTS)


def test_a_field_that_is_missing_is_named():
    with pytest.raises(TypeError, match=r"^Bare lacks reward, vocab_size; a task needs the fields rew"):
        dataclasses.make_dataclass("Bare", [("horizon", int, 2)], bases=(Own,), frozen=True)()


def test_a_task_that_can_change_is_refused():
    fields = [("reward", str, "terminal"), ("horizon", int, 2), ("vocab_size", int, 2)]
    with pytest.raises(TypeError, match=r"^Loose is not hashable; .*@dataclasses.dataclass\(frozen=True\)"):
        dataclasses.make_dataclass("Loose", fields, bases=(Own,))()
