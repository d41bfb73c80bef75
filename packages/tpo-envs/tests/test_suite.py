"""The suite: its table is frozen, and what is made from it is one task for JAX and for NumPy."""

import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import tpo_envs
from tpo_envs import describe, list_tasks, make, make_numpy

FROZEN = Path(__file__).parent / "data" / "suite.json"
TOKENS = [
    i for i in list_tasks() if "vocab_size" in describe(i).settings and "length" not in describe(i).tags
]
ANSWERS = list_tasks("length")
BANDITS = list_tasks(family="bandit")


def as_json(task_id):
    row = describe(task_id)
    return {
        "family": row.family,
        "settings": dict(row.settings),
        "tags": list(row.tags),
        "difficulty": row.difficulty,
    }


def test_ids_and_settings_never_change():
    frozen = json.loads(FROZEN.read_text())
    gone = [task_id for task_id in frozen if task_id not in list_tasks()]
    assert gone == [], "an id stands for its settings for good"
    for task_id, row in frozen.items():
        assert as_json(task_id) == row, task_id
    assert set(list_tasks()) == set(frozen), "add the new ids to tests/data/suite.json, and change no other"


def test_what_is_drawn_for_a_seed_never_changes():
    task = make_numpy("token-reversal-terminal-h10-v2")
    assert task.sample(0, 2).tolist() == [[1, 1, 1, 1, 0, 1, 0, 1, 1, 0], [0, 0, 0, 1, 0, 0, 0, 1, 1, 1]]


def test_the_suite_covers_what_it_promises():
    sizes = {describe(i).settings["horizon"] for i in TOKENS}
    assert (min(sizes), max(sizes)) == (1, 64)
    assert {describe(i).settings["vocab_size"] for i in TOKENS} >= {2, 4, 8, 16}
    assert {describe(i).difficulty for i in list_tasks()} == {1, 2, 3, 4, 5}
    assert all(list_tasks(tag) for tag in tpo_envs.TAGS)
    assert {describe(i).settings["target"] for i in list_tasks(family="tokens")} == set(tpo_envs.TARGETS)


def test_tasks_are_chosen_by_tags_family_and_difficulty():
    assert set(list_tasks(["sparse", "noise"])) == set(list_tasks(family="noisy_verifier"))
    assert list_tasks("paper", family="bandit") == ["bandit-c1-a100-gap1", "bandit-c100-a10-gap1"]
    assert all(describe(i).difficulty == 1 for i in list_tasks(max_difficulty=1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: make("token-reversal-termnal-h10-v2"),
            "did you mean one of token-reversal-terminal-h10-v2, .*list_tasks",
        ),
        (lambda: make_numpy("nothing like it"), "no task has the id 'nothing like it'"),
        (lambda: describe("TOKEN-sort-terminal-h2-v4"), "did you mean one of token-sort-terminal-h2-v4"),
        (lambda: list_tasks("sparce"), "tag is 'sparce'.*did you mean 'sparse'"),
        (lambda: list_tasks(family="bandits"), "did you mean 'bandit'"),
    ],
)
def test_unknown_names_get_the_nearest(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rows_are_frozen():
    row = describe("bandit-c1-a10-gap1")
    with pytest.raises(TypeError):
        row.settings["arms"] = 3
    with pytest.raises(AttributeError):
        row.difficulty = 9


@pytest.mark.parametrize("task_id", TOKENS)
def test_numpy_and_jax_agree(task_id):
    task, numpy_task = make(task_id), make_numpy(task_id)
    prompts = numpy_task.sample(seed=1, n=12)
    answers = numpy_task.random_answers(seed=2, n=12)
    right = numpy_task.answer(prompts)
    answers[:3] = right[:3]
    answers[3:9, :-1] = right[3:9, :-1]  # wrong in the end, if at all
    if describe(task_id).settings["horizon"] <= 32:  # JAX compiles the hash of longer ones for seconds
        score = jax.jit(lambda p, a: (task.score(p, a), task.exact_match(p, a), task.answer(p)))
        scores, matches, best = score(jnp.array(prompts), jnp.array(answers))
    else:
        best, scores = task.answer(jnp.array(prompts)), task.score(jnp.array(prompts), jnp.array(answers))
        matches = task.exact_match(jnp.array(prompts), jnp.array(answers))
    got = numpy_task.score(prompts, answers)
    assert (got.dtype, got.shape) == (np.float64, (12,))
    np.testing.assert_allclose(got, scores, rtol=1e-6)
    np.testing.assert_array_equal(numpy_task.exact_match(prompts, answers), matches)
    np.testing.assert_array_equal(right, best)
    assert matches[:3].all()
    assert numpy_task.random_score == task.random_score
    np.testing.assert_allclose(numpy_task.token_rewards(prompts, answers).mean(axis=1), got, rtol=1e-9)


@pytest.mark.parametrize("task_id", ANSWERS)
def test_numpy_and_jax_agree_on_answers_with_lengths(task_id):
    task, numpy_task = make(task_id), make_numpy(task_id)
    prompts, answers = numpy_task.sample(seed=1, n=12), numpy_task.random_answers(seed=2, n=12)
    right = numpy_task.answer(prompts)
    answers[:3], answers[3:9, :-1] = right[:3], right[3:9, :-1]
    asked, given = jnp.array(prompts), jnp.array(answers)
    scores, matches, best, lengths = jax.jit(
        lambda p, a: (task.score(p, a), task.exact_match(p, a), task.answer(p), task.lengths(a))
    )(asked, given)
    np.testing.assert_allclose(numpy_task.score(prompts, answers), scores, rtol=1e-6)
    np.testing.assert_array_equal(numpy_task.exact_match(prompts, answers), matches)
    np.testing.assert_array_equal(right, best)
    np.testing.assert_array_equal(numpy_task.lengths(answers), lengths)
    assert matches[:3].all()
    assert numpy_task.random_score == task.random_score
    assert (numpy_task.prompt_length, numpy_task.end) == (task.prompt_length, task.end)
    assert task_id.endswith(f"-h{task.horizon}-v{task.vocab_size}")


def test_the_ladder_is_equally_hard_on_every_rung():
    rungs = [(describe(i).difficulty, make_numpy(i).random_score) for i in list_tasks(family="length_ladder")]
    assert len(rungs) == 7
    assert len(set(rungs)) == 1


@pytest.mark.parametrize("task_id", BANDITS)
def test_bandits_agree(task_id):
    task, numpy_task = make(task_id), make_numpy(task_id)
    contexts, numpy_contexts = task.all_contexts(), numpy_task.all_contexts()
    np.testing.assert_array_equal(contexts.inputs, numpy_contexts.inputs)
    np.testing.assert_array_equal(contexts.labels, numpy_contexts.labels)
    rewards = task.all_rewards(contexts)
    np.testing.assert_allclose(numpy_task.candidate_scores(numpy_contexts), rewards, rtol=1e-6)
    actions = np.arange(3 * len(contexts.labels)).reshape(-1, 3) % task.num_actions
    np.testing.assert_allclose(
        numpy_task.score(numpy_contexts, actions), task.reward(contexts, jnp.array(actions)), rtol=1e-6
    )
    assert task.random_score == numpy_task.random_score == pytest.approx(float(rewards.mean()), rel=1e-5)
    assert rewards.max(axis=1).tolist() == [1.0] * len(rewards)


def test_images_agree_and_have_two_splits():
    pytest.importorskip("sklearn")
    for split, count in (("train", 1437), ("test", 360)):
        task, numpy_task = make("digits-bandit", split=split), make_numpy("digits-bandit", split=split)
        assert len(numpy_task.labels) == count
        np.testing.assert_allclose(task.all_contexts().inputs, numpy_task.all_contexts().inputs, rtol=1e-6)
        np.testing.assert_array_equal(task.all_contexts().labels, numpy_task.labels)
    assert (numpy_task.sample(0, 3).inputs == numpy_task.sample(0, 3).inputs).all()


@pytest.mark.parametrize(
    "task_id", ["token-sort-terminal-h4-v4", "brackets-terminal-h8-v4", "bandit-c100-a10-gap1"]
)
def test_a_seed_draws_the_same_again_and_another_one_something_else(task_id):
    task = make_numpy(task_id)

    def drawn(seed):
        return np.asarray(task.inputs(task.sample(seed, 50))).tolist()

    assert drawn(3) == drawn(3) != drawn(4)


def test_answers_drawn_with_the_seed_of_the_questions_are_not_the_questions():
    task = make_numpy("token-copy-bag-h10-v2")
    questions = task.sample(0, 2000)
    same_shape = np.random.default_rng(0).integers(0, 2, (2000, 10), np.int32)
    for answers in (task.random_answers(0, 2000), same_shape):
        # Five standard deviations of 20,000 coins.
        assert abs(task.score(questions, answers).mean() - 0.5) < 0.018


def test_long_batches_are_scored_in_pieces(monkeypatch):
    task = make_numpy("brackets-sequential-h8-v4")
    prompts, answers = task.sample(0, 50), task.random_answers(1, 50)
    whole = task.score(prompts, answers)
    monkeypatch.setattr("tpo_envs._numpy_answers._CHUNK", 16**2 * 7)
    np.testing.assert_array_equal(task.score(prompts, answers), whole)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda p, a: (p, a + 2),
            ValueError,
            r"answers must be from 0 to 1; got values from 2 to 3, the first .* at \[0, 0\]",
        ),
        (lambda p, a: (p - 1, a), ValueError, r"prompts must be from 0 to 1; got values from -1 to 0"),
        (
            lambda p, a: (p, a[:, :3]),
            ValueError,
            r"answers must be integer tokens \[\.\.\., 10\]; got shape \(4, 3\)",
        ),
        (
            lambda p, a: (p, a[:3]),
            ValueError,
            r"must be equal or 1, .*; got prompts \(4, 10\) and answers \(3, 10\)",
        ),
        (lambda p, a: (p, a / 2), TypeError, "answers must be integer tokens .*; got dtype float64"),
        (lambda p, a: (p.tolist(), a), TypeError, "prompts must be .* as a NumPy or JAX array; got list"),
    ],
)
def test_bad_tokens_are_refused(change, error, message):
    task = make_numpy("token-reversal-terminal-h10-v2")
    prompts = task.sample(0, 4)
    # `_in_chunks` is `score` without the signature that is checked while tests run.
    with pytest.raises(error, match=message):
        task._in_chunks(task.task.score, *change(prompts, task.answer(prompts)))


def test_bad_actions_seeds_and_counts_are_refused():
    from tpo_envs._numpy_bandit import check_actions, check_contexts

    with pytest.raises(TypeError, match="from sample or all_contexts; got list"):
        check_contexts([1, 2])

    with pytest.raises(ValueError, match=r"actions must be from 0 to 9; got values from 10 to 10"):
        check_actions(np.full(3, 10), 3, 10)
    with pytest.raises(ValueError, match=r"integers \[3, ...\], one row for each context; got shape \(2,\)"):
        check_actions(np.zeros(2, int), 3, 10)
    with pytest.raises(TypeError, match="got dtype float64"):
        check_actions(np.zeros(3), 3, 10)
    with pytest.raises(TypeError, match="got list"):
        check_actions([1, 2, 3], 3, 10)
    task = make_numpy("bandit-c100-a10-gap1")
    with pytest.raises(ValueError, match="n must be at least 1; got 0"):
        task.sample(0, 0)
    with pytest.raises(ValueError, match="seed must be at least 0; got -1"):
        task.sample(-1, 1)


def test_dense_candidates_for_numpy():
    task = make_numpy("token-reversal-sequential-h2-v2")
    prompts, behaviour = np.array([[0, 1]]), np.array([[1, 1]])
    candidates = np.array([[[0, 1], [0, 1]]])
    assert task.candidate_scores(prompts, behaviour, candidates).tolist() == [[[0, 1], [1, 0]]]


WITHOUT_JAX = """
import sys
sys.modules["jax"] = sys.modules["equinox"] = None
import numpy, tpo_envs
task = tpo_envs.make_numpy("token-reversal-terminal-h3-v2")
assert task.score(task.sample(0, 2), task.answer(task.sample(0, 2))).tolist() == [1, 1]
assert tpo_envs.TokenTask("copy", "terminal", 2, 2).score(numpy.array([1, 0]), numpy.array([1, 0])) == 1
for use in (lambda: tpo_envs.make("token-reversal-terminal-h3-v2"), lambda: tpo_envs.ContextTable):
    try:
        use()
    except ImportError as error:
        assert "pip install 'tpo-envs[jax]'" in str(error), error
    else:
        raise AssertionError("nothing was said")
"""


def test_without_jax_there_is_numpy_and_a_hint():
    subprocess.run([sys.executable, "-c", WITHOUT_JAX], check=True)
