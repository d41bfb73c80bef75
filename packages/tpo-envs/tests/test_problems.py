"""What holds for all problems in text: the registry, the contract, and completions that mean harm."""

import json

import pytest
from problem_oracle import hostile_completions, with_markers

from tpo_envs import GSM8K, AbstractProblems, FewShotArithmetic, Problem, list_problems, make_problems


class Yes(AbstractProblems):
    """A single training problem."""

    id, stop, max_tokens = "yes", "", 1

    def draw(self, split, seed):
        return iter([Problem("Say yes:", "yes")] if split == "train" else [])

    def score(self, problem, completion):
        return float(self.completed(completion) == problem.answer)


def test_problems_of_your_own():
    task = Yes()
    (problem,) = task.problems("train", 1)
    assert (task.score(problem, "yes"), task.score(problem, "no")) == (1, 0)
    with pytest.raises(ValueError, match="yes has only 0 different problems in the split 'held_out'"):
        task.problems("held_out", 1)
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (AbstractProblems,), {"draw": Yes.draw})()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("test", 1), ValueError, "split is 'test', but it must be one of 'train', 'held_out'"),
        (("train", 0), ValueError, "count must be at least 1; got 0"),
        (("train", 1.5), TypeError, "count"),
        (("train", 1, -1), ValueError, "seed must be at least 0; got -1"),
    ],
)
def test_wrong_draws_are_told(arguments, error, message):
    with pytest.raises(error, match=message):
        FewShotArithmetic().problems(*arguments)


def test_ids_make_the_problems_that_they_name():
    ids = list_problems()
    assert len(set(ids)) == len(ids)
    assert "gsm8k" in ids
    arithmetic = [name for name in ids if name.startswith("arithmetic-")]
    assert [make_problems(name).id for name in arithmetic] == arithmetic
    assert make_problems("arithmetic-add-sub-t3-n9-s4-v1") == FewShotArithmetic(3, 9, "+-", 4)


@pytest.mark.parametrize(
    ("problems_id", "options", "message"),
    [
        ("arithmetic-add-sub-t3-n9-s4", {}, "did you mean 'arithmetic-add-sub-t3-n9-s4-v1'"),
        ("gsm8", {}, "no problems have the id 'gsm8'; did you mean 'gsm8k'"),
        (
            "arithmetic-mul-t2-n9-s4-v1",
            {"terms": 3},
            "has no options, but got 'terms'; make a FewShotArithmetic",
        ),
    ],
)
def test_unknown_ids_and_options_are_told(problems_id, options, message):
    with pytest.raises(ValueError, match=message):
        make_problems(problems_id, **options)


def test_options_reach_the_problems(tmp_path):
    row = {"question": "q", "answer": "#### 4"}
    for part in ("train", "test"):
        (tmp_path / f"{part}.jsonl").write_text(json.dumps({**row, "question": part}))
    task = make_problems("gsm8k", path=tmp_path, max_tokens=9)
    assert (task.id, task.max_tokens) == ("gsm8k", 9)


def check_is_harmless(task, marker):
    """No hostile completion raises an error, is paid like a right answer or is run."""
    (problem,) = task.problems("train", 1)
    for name, text in hostile_completions(marker).items():
        for completion in with_markers(text):
            assert 0 <= task.score(problem, completion) < 1, name
            assert not marker.exists(), name


def test_arithmetic_is_not_hurt(tmp_path):
    check_is_harmless(FewShotArithmetic(), tmp_path / "marker")


def test_gsm8k_is_not_hurt(tmp_path):
    lines = [json.dumps({"question": f"{n}", "answer": f"#### {n + 10}"}) for n in range(9)]
    (tmp_path / "sums.jsonl").write_text("\n".join(lines))
    check_is_harmless(GSM8K(tmp_path / "sums.jsonl"), tmp_path / "marker")


# Scorers that evaluate their answers, or raise errors.
HARMED = ["string_insertion", "countdown", "prime_factorization"]


@pytest.mark.parametrize("name", HARMED)
def test_reasoning_gym_is_not_hurt(name, tmp_path):
    pytest.importorskip("reasoning_gym")
    task = make_problems(f"reasoning-gym/{name}", style="question")
    check_is_harmless(task, tmp_path / "marker")
    task.close()
