"""Scores of policies and answers, the harness, and the program `tpo-envs`."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tpo_envs import (
    TAGS,
    describe,
    evaluation_inputs,
    list_tasks,
    make_numpy,
    reference_scores,
    run_suite,
    score,
)
from tpo_envs._cli import main

REVERSAL = "token-reversal-bag-h4-v2"
SMALL = [i for i in list_tasks(max_difficulty=2) if describe(i).family != "images"]


def best(task):
    """The best policy of a task: what is read is the prompt, or the number of the context."""
    return lambda inputs: task.answer(inputs) if inputs.ndim == 2 else task.labels[inputs]


@pytest.mark.parametrize("task_id", SMALL)
def test_the_uniform_policy_scores_0_and_the_best_one_1(task_id):
    task = make_numpy(task_id)
    chance = score(task_id, lambda inputs: task.random_answers(1, len(inputs)), n=2000)
    spread = task.optimal_score - task.random_score
    deviation = max(chance.by_question.std(), 0.01) / np.sqrt(2000) / spread
    assert abs(chance.normalized.mean) < 5 * deviation
    assert chance.regret.mean == pytest.approx(task.optimal_score - chance.mean_return.mean)
    perfect = score(task_id, best(task))
    # That of Clopper and Pearson for 1,000 of 1,000.
    assert (perfect.exact_match.mean, perfect.exact_match.high) == (1, 1)
    assert perfect.exact_match.low == pytest.approx(0.025 ** (1 / 1000))
    if describe(task_id).family == "noisy_verifier":  # its optimum is gained by gaming it
        fails = task.task.false_negatives
        # One verdict for each of 16 prompts, of unequal weights.
        assert abs(perfect.mean_return.mean - (1 - fails)) <= 5 * np.sqrt(fails * (1 - fails) / 15)
    else:
        assert (perfect.normalized.mean, perfect.regret.mean, perfect.mean_return.mean) == (1, 0, 1)


def test_answers_are_scored_as_the_policy_that_gave_them():
    inputs = evaluation_inputs(REVERSAL, n=50, seed=3)
    answers = inputs[:, ::-1].copy()
    answers[:10, 0] ^= 1
    given = score(REVERSAL, answers, n=50, seed=3)
    assert given.mean_return.mean == pytest.approx((40 + 10 * 0.75) / 50)
    assert given.exact_match.mean == pytest.approx(0.8)
    assert given.normalized.mean == pytest.approx((given.mean_return.mean - 0.5) / 0.5)
    assert given.mean_return == score(REVERSAL, lambda prompts: answers, n=50, seed=3).mean_return


def test_images_are_judged_on_the_test_split():
    pytest.importorskip("sklearn")
    assert evaluation_inputs("digits-bandit", n=5).shape == (5, 64)
    result = score("digits-bandit", lambda pixels: np.zeros(len(pixels), int), n=2000)
    assert 0.05 < result.mean_return.mean < 0.15


@pytest.mark.parametrize(
    ("answers", "error", "message"),
    [
        (
            np.zeros((3, 4), int),
            ValueError,
            r"answers must be integers \[5, 4\] from 0 to 1, one answer to each question; got shape \(3, 4\)",
        ),
        (np.zeros((5, 3), int), ValueError, r"got shape \(5, 3\)"),
        (np.zeros((5, 4)), TypeError, "got dtype float64"),
        (np.full((5, 4), 2), ValueError, "answers must be from 0 to 1; got values from 2 to 2"),
    ],
)
def test_bad_answers_are_refused(answers, error, message):
    with pytest.raises(error, match=message):
        score(REVERSAL, answers, n=5)


def test_bad_actions_are_refused():
    with pytest.raises(ValueError, match=r"integers \[3\] from 0 to 9, one answer .* got shape \(3, 2\)"):
        score("bandit-c1-a10-gap1", np.zeros((3, 2), int), n=3)


# --- the harness ---


def right_with_chance(chance):
    def method(task, seed):
        right, rng = best(task), np.random.default_rng(seed)

        def policy(inputs):
            answers = right(inputs)
            wrong = task.random_answers(seed, len(inputs))
            kept = rng.random(len(inputs)) < chance
            return np.where(kept if answers.ndim == 1 else kept[:, None], answers, wrong)

        return policy

    return method


def test_the_harness_writes_every_task_seed_and_tag(tmp_path):
    file = tmp_path / "new" / "results.json"
    ids = ["token-reversal-terminal-h4-v2", "bandit-c100-a10-gap0.1", "brackets-sequential-h4-v4"]
    results = run_suite(right_with_chance(0.6), ids, seeds=4, n=500, out=file)
    assert json.loads(file.read_text()) == results
    assert os.listdir(file.parent) == ["results.json"]
    assert list(results["tasks"]) == ids
    for task_id, entry in results["tasks"].items():
        for measure in ("mean_return", "exact_match", "regret", "normalized"):
            numbers = entry[measure]
            assert len(numbers["by_seed"]) == 4
            assert numbers["low"] <= numbers["mean"] <= numbers["high"]
            assert numbers["mean"] == pytest.approx(np.mean(numbers["by_seed"]))
        assert entry["normalized"]["mean"] == pytest.approx(0.6, abs=0.08), task_id
    sparse = results["tasks"][ids[0]]["normalized"]["mean"]
    assert results["tags"]["sparse"] == sparse


def test_what_was_scored_before_an_error_is_kept(tmp_path):
    def method(task, seed):
        if hasattr(task, "horizon"):
            raise RuntimeError("out of memory")
        return best(task)

    file = tmp_path / "results.json"
    with pytest.raises(RuntimeError):
        run_suite(method, ["bandit-c1-a10-gap1", REVERSAL], n=10, out=file)
    assert list(json.loads(file.read_text())["tasks"]) == ["bandit-c1-a10-gap1"]
    with pytest.raises(ValueError, match="no task has the id 'nope'"):
        run_suite(method, ["bandit-c1-a10-gap1", "nope"], n=10)


def test_the_whole_suite_is_run_when_no_task_is_named():
    results = run_suite(lambda task, seed: best(task), n=5)
    assert len(results["tasks"]) == len(list_tasks()) - 2
    assert results["tags"]["dense"] == 1


def test_different_right_answers_are_counted_where_there_are_several():
    def any_order(task, seed):
        rng = np.random.default_rng(seed)

        def policy(prompts):
            tied = prompts + rng.random(prompts.shape)
            ends = np.full((len(prompts), 1), task.end)
            return np.concatenate([tied.argsort(axis=1), ends], axis=1)

        return policy

    ids = ["argsort-terminal-n2-h4-v4", "countdown-terminal-h4-v14", REVERSAL]
    results = run_suite(
        lambda task, seed: any_order(task, seed) if task.end == 3 else best(task),
        ids,
        n=400,
        seeds=3,
        candidates=64,
    )["tasks"]
    found = results[ids[0]]["distinct_right"]
    # Of 8 prompts, 2 have three equal values with 6 right answers, and 6 have two equal ones with 2.
    assert found["low"] < 3 < found["high"]
    assert (found["candidates"], len(found["by_seed"])) == (64, 3)
    assert found["mean"] == pytest.approx(np.mean(found["by_seed"]))
    assert results[ids[0]]["exact_match"]["mean"] == 1
    assert results[ids[1]]["distinct_right"]["mean"] == 1
    assert "distinct_right" not in results[REVERSAL]
    assert score(ids[0], best(make_numpy(ids[0])), n=5).distinct_right is None
    with pytest.raises(ValueError, match="candidates must be at least 1; got 0"):
        score(ids[0], best(make_numpy(ids[0])), n=5, candidates=0)


# --- the program ---


def run(capsys, *arguments):
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_list(capsys):
    code, out, _ = run(capsys, "list", "--tag", "noise")
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines] == ["id", *list_tasks("noise")]
    assert lines[1].split()[1:] == ["2", "sparse", "credit_assignment", "noise"]
    code, out, _ = run(capsys, "list")
    assert len(out.splitlines()) == 1 + len(list_tasks())


@pytest.mark.parametrize("task_id", ["token-reversal-terminal-h3-v2", "bandit-c1-a10-gap1", "mnist-bandit"])
def test_describe(capsys, task_id):
    code, out, _ = run(capsys, "describe", task_id)
    assert code == 0
    assert out.startswith(task_id)
    assert "random score    0.1" in out
    assert "difficulty      " in out
    assert ("reference TPO: normalized" in out) == (task_id in reference_scores()["tasks"])


def test_questions_and_score(capsys, tmp_path):
    code, out, _ = run(capsys, "questions", REVERSAL, "-n", "20", "--seed", "5")
    asked = json.loads(out)
    assert (code, asked["seed"]) == (0, 5)
    answers = [prompt[::-1] for prompt in asked["questions"][REVERSAL]]
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"seed": 5, "answers": {REVERSAL: answers}}))
    code, out, _ = run(capsys, "score", str(file))
    assert code == 0
    assert out.splitlines()[1].split()[:2] == [REVERSAL, "1.000"]


def test_score_shows_the_results_of_the_harness(capsys, tmp_path):
    file = tmp_path / "results.json"
    run_suite(right_with_chance(1.0), [REVERSAL], n=10, out=file)
    code, out, _ = run(capsys, "score", str(file))
    assert code == 0
    assert out.splitlines()[1].split()[:4] == [REVERSAL, "1.000", "[0.692,", "1.000]"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "is not JSON"),
        ("[1, 2]", "must contain answers as"),
        ('{"answers": {"nope": [[0]]}}', "no task has the id 'nope'"),
        (
            f'{{"answers": {{"{REVERSAL}": [[0, 1]]}}}}',
            "answers must be integers [1, 4] from 0 to 1, one answer to each question; got shape (1, 2)",
        ),
        (
            f'{{"answers": {{"{REVERSAL}": [[0, 1, 2, 0]]}}}}',
            "answers must be from 0 to 1; got values from 0 to 2",
        ),
        (f'{{"answers": {{"{REVERSAL}": [[0, 1], [0]]}}}}', REVERSAL),
        (f'{{"answers": {{"{REVERSAL}": []}}}}', "got"),
        (f'{{"answers": {{"{REVERSAL}": [["a", "b", "c", "d"]]}}}}', "got dtype"),
    ],
)
def test_a_file_that_cannot_be_scored_is_told_in_one_line(capsys, tmp_path, content, message):
    file = tmp_path / "answers.json"
    file.write_text(content)
    code, out, err = run(capsys, "score", str(file))
    assert (code, out) == (2, "")
    assert err.startswith("tpo-envs: ")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_wrong_id_and_a_missing_file(capsys, tmp_path):
    code, _, err = run(capsys, "describe", "token-reversal-terminal-h11-v2")
    assert code == 2
    assert "did you mean one of token-reversal-terminal-h1" in err
    code, _, err = run(capsys, "score", str(tmp_path / "none.json"))
    assert code == 2
    assert "none.json" in err


def test_the_program_is_installed_and_needs_no_jax():
    code = "import sys; from tpo_envs._cli import main; main(['list']); assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    from importlib.metadata import entry_points

    (program,) = entry_points(group="console_scripts", name="tpo-envs")
    assert program.value == "tpo_envs._cli:main"


def test_the_version_is_that_of_the_package(capsys):
    import tpo_envs

    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tpo-envs {tpo_envs.__version__}\n"


ODD_FILES = {
    "empty": b"",
    "zeros": bytes(100),
    "gzip": b"\x1f\x8b\x08\x00abc",
    "a pickle": b"\x80\x04\x95\x0c\x00\x00\x00.",
    "cut short": b'{"answers": {"token',
    "not UTF-8": b'{"answers": {"\xff": 1}}',
    "deep": b"[" * 100_000,
    "null": b"null",
    "a huge integer": b'{"answers": {"%s": [[%s]]}}' % (REVERSAL.encode(), b"9" * 5000),
    "an integer of 70 bits": b'{"answers": {"%s": [[0, 1, 0, %d]]}}' % (REVERSAL.encode(), 2**70),
    "NaN": b'{"answers": {"%s": [[NaN, 0, 0, 0]]}}' % REVERSAL.encode(),
    "booleans": b'{"answers": {"%s": [[true, false, true, false]]}}' % REVERSAL.encode(),
    "an object": b'{"answers": {"%s": {"0": [1]}}}' % REVERSAL.encode(),
    "a string": b'{"answers": {"%s": "0 1 1 0"}}' % REVERSAL.encode(),
    "a seed that is none": b'{"seed": "x", "answers": {"%s": [[0, 0, 0, 0]]}}' % REVERSAL.encode(),
    "a negative seed": b'{"seed": -1, "answers": {"%s": [[0, 0, 0, 0]]}}' % REVERSAL.encode(),
    "an id of two lines": b'{"answers": {"a\\nb": [[0]]}}',
    "results without measures": b'{"tasks": {"%s": {}}}' % REVERSAL.encode(),
    "results that are a list": b'{"tasks": {"%s": [1]}}' % REVERSAL.encode(),
    "results in words": b'{"tasks": {"%s": {"mean_return": {"mean": "1", "low": 0, "high": 1}}}}'
    % REVERSAL.encode(),
    "results of no number": b'{"tasks": {"%s": {"mean_return": {"mean": NaN, "low": 0, "high": 1}}}}'
    % REVERSAL.encode(),
    "results of no task": b'{"tasks": {"nope": {}}}',
}


@pytest.mark.parametrize("name", ODD_FILES)
def test_an_odd_file_is_one_line_that_names_it(capsys, tmp_path, name):
    file = tmp_path / "odd.json"
    file.write_bytes(ODD_FILES[name])
    code, out, err = run(capsys, "score", str(file))
    assert (code, out) == (2, "")
    assert str(file) in err
    assert len(err.splitlines()) == 1


def test_what_is_no_file_is_one_line(capsys, tmp_path):
    for path in (tmp_path, tmp_path / "none.json", tmp_path / "two\nlines", "nul\0", os.devnull):
        code, out, err = run(capsys, "score", str(path))
        assert (code, out, len(err.splitlines())) == (2, "", 1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_answers_in_any_encoding_of_json_are_read(capsys, tmp_path, encoding):
    file = tmp_path / "answers.json"
    file.write_bytes(
        json.dumps({"answers": {REVERSAL: [[0, 0, 0, 0]]}}, indent=1).replace("\n", "\r\n").encode(encoding)
    )
    code, out, _ = run(capsys, "score", str(file))
    assert code == 0
    assert REVERSAL in out


def test_numbers_that_are_too_large_are_one_line(capsys):
    for n in ("0", "1" + "0" * 30):
        code, _, err = run(capsys, "questions", REVERSAL, "-n", n)
        assert (code, len(err.splitlines())) == (2, 1)


@pytest.mark.skipif(os.name == "nt", reason="devices and pipes are those of POSIX")
@pytest.mark.parametrize(
    ("redirect", "code", "said"),
    [("> /dev/full", 2, "cannot print"), (">&-", 2, "standard output is closed"), ("| head -n 1", 0, "")],
)
def test_an_output_that_takes_nothing_is_one_line_at_most(redirect, code, said):
    program = f"{sys.executable} -m tpo_envs._cli list {redirect}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
    assert done.returncode == code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == (1 if said else 0)


def test_characters_that_the_console_has_not_are_replaced(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr("tpo_envs._cli.TAGS", dict.fromkeys(TAGS, "− é"))
    assert main(["describe", REVERSAL]) == 0
    stream.seek(0)
    assert "tag dense: ? ?" in stream.read()


# --- reference scores ---


def test_reference_scores_have_their_provenance():
    record = reference_scores()
    assert {"command", "versions", "machine", "seconds", "methods"} <= set(record["provenance"])
    assert record["provenance"]["command"].startswith("python scripts/reference_scores.py")
    for task_id, methods in record["tasks"].items():
        task = make_numpy(task_id)
        for scores in methods.values():
            expected = (np.array(scores["mean_return"]) - task.random_score) / (
                task.optimal_score - task.random_score
            )
            np.testing.assert_allclose(scores["normalized"], expected, atol=2e-3)
    assert reference_scores("bandit-c1-a10-gap1") == {}
