"""Arithmetic in text: every problem of small settings, by Python's own arithmetic."""

import itertools
import re

import numpy as np
import pytest

from tpo_envs import FewShotArithmetic, Problem, make_problems

SMALL = [
    FewShotArithmetic(2, 9, "+-", 2),
    FewShotArithmetic(3, 4, "+-", 3),
    FewShotArithmetic(3, 4, "+-*", 4),
    FewShotArithmetic(2, 12, "*", 0),
]
every_small_task = pytest.mark.parametrize("task", SMALL, ids=lambda task: task.id)


def all_texts(task):
    """Every problem, written by brute force."""
    operands = itertools.product(range(1, task.largest + 1), repeat=task.terms)
    for numbers, signs in itertools.product(
        operands, list(itertools.product(task.operations, repeat=task.terms - 1))
    ):
        yield " ".join(
            f"{n} {sign}".strip() for n, sign in itertools.zip_longest(numbers, signs, fillvalue="")
        )


def asked(problem):
    """The problem's last line without its equals sign."""
    return problem.prompt.splitlines()[-1].removesuffix(" =")


def shots(problem):
    return problem.prompt.splitlines()[:-1]


def terms_of(text):
    """The terms of a problem in an order of their own, factors too."""
    terms = re.findall(r"([+-]?) ?(\d+(?: \* \d+)*)", text)
    return sorted((sign or "+", sorted(map(int, factors.split(" * ")))) for sign, factors in terms)


@every_small_task
def test_both_splits_together_are_all_problems_once(task):
    splits = [[asked(problem) for problem in task.draw(split, 0)] for split in ("train", "held_out")]
    assert sorted(itertools.chain(*splits)) == sorted(all_texts(task))
    assert len(set(itertools.chain(*splits))) == task.size
    assert splits[0]
    assert splits[1]


@every_small_task
def test_problems_that_differ_in_order_alone_are_in_the_same_split(task):
    train, held_out = (
        {str(terms_of(asked(problem))) for problem in task.draw(split, 0)} for split in ("train", "held_out")
    )
    assert not train & held_out


@every_small_task
def test_answers_are_what_python_computes_and_so_are_solved_lines(task):
    for split in ("train", "held_out"):
        for problem in task.draw(split, 5):
            assert problem.answer == str(eval(asked(problem)))
            assert all(
                eval(left) == int(right) for left, right in (line.split(" = ") for line in shots(problem))
            )


@every_small_task
def test_solved_lines_are_different_training_problems_and_not_the_one_asked(task):
    held_out = {str(terms_of(asked(problem))) for problem in task.draw("held_out", 0)}
    for split in ("train", "held_out"):
        for problem in task.draw(split, 3):
            solved = [str(terms_of(line.split(" = ")[0])) for line in shots(problem)]
            assert len(set(shots(problem))) == task.shots
            assert not held_out & set(solved)
            assert str(terms_of(asked(problem))) not in solved


def test_one_problem_in_five_is_held_out():
    task = FewShotArithmetic(3, 9, "+-*", 0)
    share = len(list(task.draw("held_out", 0))) / task.size
    assert share == pytest.approx(0.2, abs=0.03)


def naive_score(answer, completion):
    """An integer in its usual form and nothing else on the first line, compared as a number."""
    line = re.fullmatch(r" *(-?[1-9][0-9]*|0) *", completion.split("\n")[0])
    return float(line is not None and len(line[1]) < 20 and int(line[1]) == int(answer))


@pytest.mark.parametrize("answer", ["7", "0", "-12"])
def test_scores_against_an_independent_scorer(answer):
    task = FewShotArithmetic()
    bodies = [
        answer,
        "7",
        "-7",
        "0",
        "-0",
        "+7",
        "07",
        "7.0",
        "7,",
        "1 2",
        "12",
        "- 12",
        "-12",
        "",
        "x",
        "\u0667",
    ]
    completions = [
        before + body + after
        for body in bodies
        for before in ("", " ", "\n", "\t", "= ")
        for after in ("", " ", "\n", "\n9", " \nAnswer: 7", "\r\n", "\x00", ".")
    ]
    problem = Problem("3 + 4 =", answer)
    expected = [naive_score(answer, completion) for completion in completions]
    assert [task.score(problem, completion) for completion in completions] == expected
    assert {0.0, 1.0} == set(expected)


def test_problems_never_change():
    task = make_problems("arithmetic-add-sub-t3-n9-s4-v1")
    first = task.problems("train", 2, seed=0)
    assert first[1] == task.problems("train", 50, seed=0)[1]
    assert first[0].prompt == "3 - 1 - 5 = -3\n9 - 1 + 9 = 17\n3 - 2 - 9 = -8\n7 + 5 - 8 = 4\n7 - 7 - 9 ="
    assert [asked(problem) for problem in task.problems("held_out", 3, seed=7)] == [
        "6 + 7 - 4",
        "5 + 6 + 8",
        "3 - 4 + 3",
    ]
    large = make_problems("arithmetic-add-sub-mul-t4-n99-s4-v1").problems("held_out", 1, seed=1)[0]
    assert (asked(large), large.answer) == ("53 + 63 * 36 - 78", "2243")


def test_a_large_space_has_each_problem_once():
    task = FewShotArithmetic(3, 99, "+-", 0)
    problems = task.problems("held_out", 3000, seed=2)
    assert len({problem.prompt for problem in problems}) == 3000
    train = {problem.prompt for problem in task.problems("train", 3000, seed=2)}
    assert not train & {problem.prompt for problem in problems}
    numbers = np.array([[int(n) for n in re.findall(r"\d+", problem.prompt)] for problem in problems])
    assert numbers.min() == 1
    assert numbers.max() == 99
    np.testing.assert_allclose(numbers.mean(axis=0), 50, atol=2.5)


@every_small_task
def test_the_longest_completion_fits(task):
    longest = max(len(f" {problem.answer}\n") for problem in task.draw("train", 0))
    assert longest <= task.max_tokens


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"terms": 1}, ValueError, "terms must be at least 2; got 1"),
        ({"largest": 1}, ValueError, "largest must be at least 2; got 1"),
        ({"largest": 2.5}, TypeError, "largest"),
        ({"shots": -1}, ValueError, "shots must be at least 0"),
        ({"operations": "-+"}, ValueError, r"operations is '-\+', but it must be one or more of '\+-\*'"),
        ({"operations": ""}, ValueError, "operations is ''"),
        ({"operations": "/"}, ValueError, "operations is '/'"),
        ({"largest": 10**6, "terms": 5}, ValueError, "2\\^62 problems or more; lower one of them"),
    ],
)
def test_wrong_settings_are_told(changes, error, message):
    with pytest.raises(error, match=message):
        FewShotArithmetic(**changes)


def test_too_few_problems_are_told():
    task = FewShotArithmetic(2, 9, "+-", 0)
    count = len(list(task.draw("held_out", 0)))
    assert len(task.problems("held_out", count)) == count
    with pytest.raises(ValueError, match=f"has only {count} different problems in the split 'held_out'"):
        task.problems("held_out", count + 1)
    with pytest.raises(ValueError, match="too few problems for 30 solved lines; raise terms or largest"):
        FewShotArithmetic(2, 3, "+", 30).problems("train", 1)
