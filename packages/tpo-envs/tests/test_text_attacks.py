"""A completion of any form is read in time that grows with its length alone."""

import time

import pytest

from tpo_envs import TextTask, text_reward

TASK = "token-reversal-terminal-h3-v2"
N = 200_000
COMPLETIONS = {
    "line feeds": "Answer: 1 1 0" + "\n" * N + "I hope",
    "line feeds alone": "\n" * N,
    "spaces around every digit": "Answer:" + (" " * 1000 + "1") * (N // 1000) + "x",
    "spaces of Unicode": "Answer: 1 1 0" + "\u2003\xa0" * (N // 2) + "x",
    "brackets": "[" * N + "1 1 0" + ")" * N + "x",
    "brackets and spaces": "( [" * N + "1" + "] )" * N + "..",
    "commas": "Answer: 1 1 0" + ", " * N + "x",
    "many answers": "Answer: " * N,
    "answers without a colon": ("answer" + " " * 1000) * (N // 1000),
    "one answer without its colon": "answer" + " " * N + "x",
    "digits": "1" * N,
    "numbers": "1 " * N,
    "long numbers": "123456789 " * N + "x",
    "full stops": "1 1 0" + "." * N,
}


@pytest.mark.parametrize("name", COMPLETIONS)
def test_no_completion_takes_long(name):
    reward, began = text_reward(TASK), time.process_time()
    assert reward(completions=[COMPLETIONS[name]], question=[[0, 1, 1]]) == [0.0]
    # Time quadratic in the length would be a minute and more.
    assert time.process_time() - began < 3


def test_white_space_after_an_answer_is_allowed_however_much():
    assert TextTask(TASK).parse("Answer: 1 1 0" + " \n" * N) == [1, 1, 0]
    assert TextTask(TASK).parse("Answer:" + "\u2003" * N + "[1, 1, 0]" + "\n" * N + "." + " " * N) == [
        1,
        1,
        0,
    ]
