"""The tasks in words: prompts, right answers, and a reward called as TRL's GRPO trainer calls it."""

import types

import numpy as np
import pytest

from tpo_envs import TextTask, describe, list_tasks, make_numpy, text_dataset, text_reward, text_tasks

REVERSAL = "token-reversal-terminal-h3-v2"


@pytest.mark.parametrize("task_id", text_tasks())
def test_the_answer_of_every_task_is_read_back_and_paid(task_id):
    task = TextTask(task_id)
    questions = task.questions(4, seed=0)
    for question, answer in zip(questions.tolist(), task.answers(questions).tolist(), strict=True):
        words = task.words(answer)
        assert task.parse(f"Answer: {words}") == answer
        best = task.score(question, f"Answer: {words}")
        if describe(task_id).family == "noisy_verifier":
            assert best == task.task.score(np.array(question), np.array(answer))
        else:
            assert best == 1
        prompt = task.prompt(question)
        assert prompt.endswith("after 'Answer:'.")
        assert "{" not in prompt


@pytest.mark.parametrize(
    ("task_id", "question", "words"),
    [
        ("token-flip-bag-h10-v2", [0] * 10, "Replace each number x by 1 - x."),
        (
            "token-distractors-terminal-h4-v4",
            [0, 3, 1, 2],
            "below 2 in order, then 3 until there are 4.",
        ),
        ("token-parity-terminal-h2-v2", [0, 1], "up to it, itself included, modulo 2."),
        ("brackets-terminal-h4-v4", [0, 1, 3, 2], "below 2 open a bracket .* x \\+ 2 closes"),
        (
            "multiturn-reversal-terminal-t2-h4-v2",
            [0, 1, 1, 0],
            "2 messages of 2.* Then: Write the numbers in rev",
        ),
        ("bandit-c100-a10-gap1", [42], "10 arms, .* in context 42"),
        ("ladder-reversal-terminal-h8-v4", [3, 1], "reverse order. Then .* until there are 8."),
        ("variable-reversal-terminal-h5-v3", [0, 1, 1, 2], "reverse order.\nNumbers: 0 1 1\nWrite"),
        ("counting-terminal-h10-v11", [7], "Count from 1 to 7\\."),
        ("counting-terminal-h22-v3", [1, 0, 1], "from 0 0 1 to 1 0 1, each number with 3 digits in base 2"),
        ("countdown-terminal-h6-v14", [2, 3, 7, 2, 7], "Make 27 .* left to right.*\nNumbers: 2 3 7\n"),
        (
            "coloring-terminal-c2-e2-h4-v4",
            [0, 1, 1, 2],
            "nodes 0 to 2 a color .*\nEdges: 0-1 1-2\n",
        ),
        ("argsort-terminal-n2-h4-v4", [1, 0, 1], "sort them.*\nNumbers: 1 0 1\nWrite the 3 positions"),
    ],
)
def test_prompts_say_what_is_asked(task_id, question, words):
    import re

    assert re.search(words, TextTask(task_id).prompt(question))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("Answer: 0 1 1", [0, 1, 1]),
        ("answer :\n0, 1, 1.\n", [0, 1, 1]),
        ("First I think. Answer: 1 1 1? No. Answer: [0, 1, 1]", [0, 1, 1]),
        ("0 1 1", [0, 1, 1]),
        ("0 1", None),
        ("0 1 1 0", None),
        ("0 1 2", None),
        ("0 1 -1", None),
        ("0 1 1.5", None),
        ("011", None),
        ("Answer: 0 1 1, I think", None),
        ("Answer: 0 1 1 Answer:", None),
        ("\u0660 \u0661 \u0661", None),
        ("9" * 5000, None),
        ("", None),
    ],
)
def test_what_counts_as_an_answer(text, numbers):
    assert TextTask(REVERSAL).parse(text) == numbers


@pytest.mark.parametrize(
    ("task_id", "text", "tokens"),
    [
        ("variable-reversal-terminal-h5-v3", "Answer: 1 0", [1, 0, 2, 2, 2]),
        ("variable-reversal-terminal-h5-v3", "[1, 0, 1, 0]", [1, 0, 1, 0, 2]),
        ("variable-reversal-terminal-h5-v3", "1 0 1 0 1", None),
        ("variable-reversal-terminal-h5-v3", "1 0 2", None),
        ("variable-reversal-terminal-h5-v3", "Answer:", None),
        ("countdown-terminal-h6-v14", "Answer: 7 + 2 * 3", [7, 10, 2, 12, 3, 13]),
        ("countdown-terminal-h6-v14", "7*3-2.", [7, 12, 3, 11, 2, 13]),
        ("countdown-terminal-h6-v14", "7 7", [7, 7, 13, 13, 13, 13]),
        ("countdown-terminal-h6-v14", "- 7", [11, 7, 13, 13, 13, 13]),
        ("countdown-terminal-h6-v14", "(7 + 2) * 3", None),
        ("countdown-terminal-h6-v14", "7 + 2 * 3 = 27", None),
        ("countdown-terminal-h6-v14", "10 + 2", None),
        ("countdown-terminal-h6-v14", "1 + 2 + 3 + 4", None),
        ("countdown-terminal-h6-v14", "+ " * 50_000 + "?", None),
        ("countdown-terminal-h6-v14", "9" * 5000, None),
    ],
)
def test_what_counts_as_an_answer_that_ends(task_id, text, tokens):
    assert TextTask(task_id).parse(text) == tokens


def as_trl_calls(reward, rows, completions, generations):
    """As `GRPOTrainer` does: keywords only, each row once for every completion, and what else it passes."""
    inputs = [row for row in rows for _ in range(generations)]
    columns = {key: [row[key] for row in inputs] for key in inputs[0] if key not in ("prompt", "completion")}
    return reward(
        prompts=[row["prompt"] for row in inputs],
        completions=completions,
        completion_ids=[[1, 2, 3]] * len(completions),
        trainer_state=types.SimpleNamespace(global_step=3),
        **columns,
    )


@pytest.mark.parametrize("conversational", [False, True])
def test_a_reward_as_trl_calls_it(conversational):
    pytest.importorskip("datasets")
    data = text_dataset(REVERSAL, n=3, seed=0, conversational=conversational)
    texts = [text for row in data for text in (row["answer"], "no idea", "Answer: 7 7 7")]
    completions = [[{"role": "assistant", "content": text}] for text in texts] if conversational else texts
    rewards = as_trl_calls(text_reward(REVERSAL), list(data), completions, generations=3)
    assert rewards == [1.0, 0.0, 0.0] * 3
    assert all(type(reward) is float for reward in rewards)
    if conversational:
        assert data[0]["prompt"][0]["role"] == "user"
    else:
        assert data[0]["prompt"].startswith("Write the numbers in reverse order.\nNumbers: ")


def test_the_data_set_holds_the_questions_of_the_numpy_task():
    pytest.importorskip("datasets")
    for task_id in ("token-sort-sequential-h4-v4", "bandit-c100-a10-gap1"):
        data = text_dataset(task_id, n=5, seed=7)
        task = make_numpy(task_id)
        drawn = task.inputs(task.sample(7, 5)).reshape(5, -1).tolist()
        assert list(data["question"]) == drawn
        assert text_reward(task_id)(completions=list(data["answer"]), question=data["question"]) == [1.0] * 5


@pytest.mark.parametrize(
    "completion",
    [
        None,
        3,
        [],
        {},
        [{}],
        [{"role": "assistant", "content": None}],
        [{"role": "assistant", "content": 5}],
        ["text", 1],
        [{"role": "assistant", "content": [{"type": "image"}]}],
        "\x00\ud800",
        "9" * 10_000,
    ],
)
def test_no_completion_makes_the_reward_raise(completion):
    assert text_reward(REVERSAL)(completions=[completion], question=[[0, 1, 1]]) == [0.0]


def test_the_last_message_and_parts_of_messages_are_read():
    calls = [
        [
            {"role": "assistant", "content": "Answer: 0 0 0"},
            {"role": "assistant", "content": "Answer: 1 1 0"},
        ],
        [{"role": "assistant", "content": [{"type": "text", "text": "Answer: 1 "}, {"text": "1 0"}]}],
    ]
    assert text_reward(REVERSAL)(completions=calls, question=[[0, 1, 1]] * 2) == [1.0, 1.0]


def test_partial_and_gap_rewards():
    reward = text_reward("token-reversal-sequential-h2-v2")
    assert reward(completions=["1 1", "1 0"], question=[[0, 1]] * 2) == [0.5, 1.0]
    assert text_reward("bandit-c1-a10-gap1")(completions=["0", "1"], question=[[0]] * 2) == [1.0, 0.0]
    gap = text_reward("bandit-c100-a10-gap0.1")(completions=["2", "3", "x"], question=[[2]] * 3)
    assert gap == pytest.approx([1.0, 0.9, 0.0])


def test_the_reward_has_the_name_of_its_task():
    assert text_reward(REVERSAL).__name__ == REVERSAL


def test_wrong_set_ups_are_told():
    with pytest.raises(ValueError, match=r"needs the column 'question' .* each of 2 completions; got none"):
        text_reward(REVERSAL)(completions=["a", "b"])
    with pytest.raises(ValueError, match="each of 2 completions; got 1"):
        text_reward(REVERSAL)(completions=["a", "b"], question=[[0, 0, 0]])
    with pytest.raises(ValueError, match="the id of a task in words is 'digits-bandit'"):
        text_reward("digits-bandit")
    with pytest.raises(ValueError, match="did you mean one of token-reversal-terminal-h3-v2"):
        TextTask("token-reversal-terminal-h3v2")
    assert set(list_tasks()) - set(text_tasks()) == {"digits-bandit", "mnist-bandit"}


def test_without_the_datasets_library_there_is_a_hint(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'tpo-envs\[text\]'"):
        text_dataset(REVERSAL)
