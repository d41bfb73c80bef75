"""GSM8K from files of its layout, and what counts as its answer."""

import json
import re
import sys

import pytest

from tpo_envs import GSM8K, DatasetError

ROWS = {
    "train": [
        (f"What is {n} + {n}?", f"It is <<{n}+{n}={2 * n}>>{2 * n}.\n#### {2 * n:,}")
        for n in range(1990, 2010)
    ],
    "test": [(f"What is {n} - 9?", f"Well.\n#### {n - 9}") for n in range(5)],
}


def row(question, answer):
    return {"question": question, "answer": answer}


def write(folder, ending="jsonl", rows=ROWS):
    for part, pairs in rows.items():
        table = [row(*pair) for pair in pairs]
        if ending == "jsonl":
            (folder / f"{part}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in table))
        else:
            arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
            parquet.write_table(arrow.Table.from_pylist(table), folder / f"{part}-00000-of-00001.parquet")
    return folder


def questions(task, split):
    return {problem.prompt.partition("\n")[0] for problem in task.draw(split, 0)}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_the_splits_of_a_directory(tmp_path, ending):
    task = GSM8K(write(tmp_path, ending))
    assert questions(task, "train") == {question for question, _ in ROWS["train"]}
    assert questions(task, "held_out") == {question for question, _ in ROWS["test"]}
    problem = task.problems("train", 1, seed=3)[0]
    number = int(re.findall(r"\d+", problem.prompt)[0])
    assert problem.answer == str(2 * number)
    assert problem.prompt.endswith("after 'Answer:'.")
    assert task.score(problem, f"Answer: {2 * number}") == 1
    assert task.problems("train", 5, seed=3)[0] == problem
    assert len({tuple(task.problems("train", 20, seed=seed)) for seed in range(5)}) == 5


def test_a_test_question_is_no_training_question(tmp_path):
    rows = {"train": [*ROWS["train"], *ROWS["test"][:2]], "test": ROWS["test"]}
    task = GSM8K(write(tmp_path, rows=rows))
    assert not questions(task, "train") & questions(task, "held_out")
    assert len(questions(task, "train")) == 20


def test_one_file_is_split_by_the_hash_of_its_questions(tmp_path):
    task = GSM8K(write(tmp_path) / "train.jsonl")
    train, held_out = questions(task, "train"), questions(task, "held_out")
    assert train | held_out == {question for question, _ in ROWS["train"]}
    assert not train & held_out
    assert held_out


def naive_number(text):
    """The number on the line after the last marker, read character by character; None for anything else."""
    places = [match.end() for match in re.finditer(r"####|[Aa][Nn][Ss][Ww][Ee][Rr]\s*:", text)]
    if not places:
        return None
    line = text[places[-1] :].lstrip().split("\n")[0].strip().removesuffix(".")
    negative = line.startswith("-")
    line = line.removeprefix("-").removeprefix("$")
    whole, point, fraction = line.partition(".")
    groups = whole.split(",")
    if not all(group and set(group) <= set("0123456789") for group in groups):
        return None
    if len(groups) > 1 and (len(groups[0]) > 3 or any(len(group) != 3 for group in groups[1:])):
        return None
    if point and not (fraction and set(fraction) <= set("0123456789")):
        return None
    return float("".join(groups) + "." + (fraction or "0")) * (-1 if negative else 1)


def test_an_answer_may_have_decimals(tmp_path):
    task = GSM8K(write(tmp_path, rows={"train": [("q", "#### 12.50")], "test": [("p", "#### 1")]}))
    (problem,) = task.problems("train", 1)
    assert problem.answer == "12.5"
    assert task.score(problem, "Answer: $12.50") == 1
    assert task.score(problem, "Answer: 12") == 0


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        ("Answer: 1080", 1),
        ("First 1, then 2.\nANSWER : $1,080.00.\n", 1),
        ("#### 1080", 1),
        ("Answer: 3. No! Answer:\n 1080\nThat is all.", 1),
        ("Answer: 1080.0", 1),
        ("Answer: 01080", 1),
        ("1080", 0),
        ("Answer: 1080 dollars", 0),
        ("Answer: 1080 or 3", 0),
        ("Answer: 1080\nAnswer: 3", 0),
        ("Answer: +1080", 0),
        ("Answer: -1080", 0),
        ("Answer: 1 080", 0),
        ("Answer: 10,80", 0),
        ("Answer: 1080e0", 0),
        ("Answer: 1080..", 0),
        ("Answer: 1080%", 0),
        ("Answer: **1080**", 0),
        ("Answer: \u0661\u0660\u0668\u0660", 0),
        ("Answer: 1079.9999999", 0),
        ("Answer: NaN", 0),
        ("Answer:", 0),
    ],
)
def test_what_counts_as_the_right_number(tmp_path, completion, score):
    task = GSM8K(write(tmp_path, rows={"train": [("q", "#### 1,080")], "test": [("p", "#### -3")]}))
    problem = task.problems("train", 1)[0]
    assert task.score(problem, completion) == score == float(naive_number(completion) == 1080)
    assert task.score(task.problems("held_out", 1)[0], "Answer: -3") == 1


@pytest.mark.parametrize(
    ("files", "path", "message"),
    [
        ({}, "", r"has no train\*.jsonl or train\*.parquet"),
        ({"train.jsonl": '{"question": "q", "answer": "#### 1"}'}, "", r"has no test\*.jsonl"),
        ({}, "absent.jsonl", "absent.jsonl does not exist; name a directory"),
        ({"data.csv": "question,answer"}, "data.csv", "must end with .jsonl or .parquet"),
        (
            {"a.jsonl": '{"query": "q", "answer": "#### 1"}'},
            "a.jsonl",
            "'question' is missing; it has 'query', 'answer'",
        ),
        ({"a.jsonl": '{"question": "q", "answer": 1}'}, "a.jsonl", "row 1 of .* but 'answer' is not a text"),
        ({"a.jsonl": "[1]"}, "a.jsonl", "'question' is missing; it has no columns"),
        ({"a.jsonl": "{"}, "a.jsonl", "cannot be read as .jsonl .*; get another copy"),
        ({"a.jsonl": "\n"}, "a.jsonl", "has no problems"),
        ({"a.parquet": "no"}, "a.parquet", "cannot be read as .parquet"),
        (
            {"a.jsonl": '{"question": "q", "answer": "It is 1."}'},
            "a.jsonl",
            "'It is 1.' must end with '#### ' and a num",
        ),
    ],
)
def test_what_is_missing_or_wrong_is_told_in_one_line(tmp_path, files, path, message):
    if "a.parquet" in files:
        pytest.importorskip("pyarrow")
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message) as told:
        GSM8K(tmp_path / path)
    assert "\n" not in str(told.value)


def test_the_hub_is_asked_for_the_published_data(tmp_path, monkeypatch):
    library = pytest.importorskip("datasets")
    tables = {part: library.Dataset.from_list([row(*pair) for pair in pairs]) for part, pairs in ROWS.items()}
    asked = []
    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(library, "load_dataset", lambda *arguments: asked.append(arguments) or tables)
    task = GSM8K()
    assert asked == [("openai/gsm8k", "main")]
    assert questions(task, "held_out") == {question for question, _ in ROWS["test"]}


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch):
    library = pytest.importorskip("datasets")

    def fail(*_):
        raise ConnectionError("no\nroute")

    monkeypatch.setattr(library.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(library, "load_dataset", fail)
    with pytest.raises(
        DatasetError, match=r"openai/gsm8k'\) failed without a connection .* pass GSM8K a path"
    ):
        GSM8K()


def test_without_the_datasets_library_there_is_a_hint(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DatasetError, match=r"run: pip install 'tpo-envs\[text\]', or pass GSM8K a path"):
        GSM8K()
