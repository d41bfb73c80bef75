"""What the documents tell a reader to run does run."""

import ast
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Commands of `tpo-runs` that train nothing.
COMMANDS = ("check", "show", "kinds", "schema", "completion")
# Those that read the results of a run.
READERS = ("report", "draw", "summarize", "frame", "compare", "choose", "rank", "sample", "export")
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("packages/*/README.md")),
]


def blocks(document: Path, *languages: str) -> list[str]:
    """The fenced code blocks of a document that are marked as one of `languages`."""
    pattern = r'^```(\w+)(?: title="[^"]+")?\n(.*?)^```'
    found = re.findall(pattern, document.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [code for language, code in found if language in languages]


def write_files(document: Path, folder: Path) -> None:
    """Write the files that a document tells its reader to write, and the configs beside them."""
    pattern = r'^```\w+ title="([^"]+)"\n(.*?)^```'
    for name, content in re.findall(pattern, document.read_text(), flags=re.MULTILINE | re.DOTALL):
        (folder / name).write_text(content)
    (folder / "configs").symlink_to(ROOT / "configs")


def commands(document: Path) -> list[list[str]]:
    """The shell commands of a document, each as a list of words; `a && b` is two commands."""
    shell = "\n".join(blocks(document, "sh", "bash", "console")).replace("\\\n", " ")
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in shell.splitlines()]
    return [list(command) for line in words for command in _split(line, "&&") if command]


def _split(words: list[str], separator: str) -> list[list[str]]:
    parts = [[]]
    for word in words:
        parts.append([]) if word == separator else parts[-1].append(word)
    return parts


def experiments(document: Path) -> list[list[str]]:
    """What the commands of a document pass to `tpo-runs`, by itself or through uv or nox."""
    starts = (["tpo-runs"], ["uv", "run", "tpo-runs"], ["nox", "-s", "run", "--"])
    return [
        command[len(start) :]
        for command in commands(document)
        for start in starts
        if command[: len(start)] == start
    ]


def sessions() -> set[str]:
    """The names of the functions that noxfile.py declares as sessions."""
    functions = [
        node
        for node in ast.parse((ROOT / "noxfile.py").read_text()).body
        if isinstance(node, ast.FunctionDef)
    ]
    return {
        node.name for node in functions if any("nox.session" in ast.unparse(d) for d in node.decorator_list)
    }


every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def test_the_readme_opens_with_the_commands_for_tests_and_smoke_run():
    first_screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:40])
    assert "pip install nox && nox -s tests" in first_screen
    assert "nox -s smoke" in first_screen


@every_document
def test_its_nox_sessions_exist(document):
    nox_commands = [command for command in commands(document) if command[0] == "nox"]
    named = {
        name
        for command in nox_commands
        if "-s" in command
        for name in _split(command, "--")[0][command.index("-s") + 1 :]
    }
    assert named <= sessions()


@every_document
def test_its_paths_exist(document):
    words = {word for command in commands(document) for word in command}
    tracked = {word for word in words if re.match(r"(configs|scripts|packages|tests|docs|figures)/", word)}
    # pip's `packages/NAME[EXTRA]` is the path packages/NAME.
    assert [path for path in sorted(tracked) if not (ROOT / path.partition("[")[0]).exists()] == []


@every_document
def test_its_experiments_are_understood(document, tmp_path, monkeypatch, capsys):
    from tpo_runs._cli import main

    write_files(document, tmp_path)
    monkeypatch.chdir(tmp_path)
    for arguments in (_split(words, ">")[0] for words in experiments(document)):
        if arguments[0] in READERS:
            assert main(arguments) == 2
            errors = capsys.readouterr().err
            assert "not found" in errors or "No such file" in errors
            continue
        command = arguments if arguments[0] in COMMANDS else [*arguments, "--list"]
        assert main(command) == 0, capsys.readouterr().err


def test_the_python_code_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for code in blocks(ROOT / "README.md", "python"):
        exec(compile(code, "README.md", "exec"), namespace)


SECTIONS = (ROOT / "docs" / "quickstarts.md").read_text().split("\n## ")[1:]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0])
def test_every_quickstart_runs(section, tmp_path, monkeypatch):
    name = section.splitlines()[0]
    for module in {"Gymnasium": ["gymnasium"], "TRL": ["datasets"]}.get(name, []):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    namespace = {}
    codes = re.findall(r"^```python\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL)
    assert codes
    for code in codes:
        exec(compile(code, f"quickstart of {name}", "exec"), namespace)


def test_there_is_a_quickstart_for_everybody():
    assert [s.splitlines()[0] for s in SECTIONS] == ["NumPy and PyTorch", "JAX", "Gymnasium", "TRL"]


FAMILIES = {
    "tokens": ["tokens"],
    "brackets": ["brackets"],
    "multi_turn": ["multi_turn"],
    "noisy_verifier": ["noisy_verifier"],
    "answer_lengths": [
        *("length_ladder", "variable_length", "counting"),
        *("countdown", "coloring", "argsort"),
    ],
    "bandits": ["bandit"],
    "images": ["images"],
}


@pytest.mark.parametrize("page", FAMILIES)
def test_the_page_of_a_family_has_its_tasks_scores_picture_and_source(page):
    from tpo_envs import describe, list_tasks, make_numpy

    text = (ROOT / "docs" / "tasks" / f"{page}.md").read_text()
    assert "\nSource: " in text
    assert f"]({page}.png)" in text
    assert (ROOT / "docs" / "tasks" / f"{page}.png").read_bytes().startswith(b"\x89PNG")
    rows = re.findall(
        r"^\| `([^`]+)` \| (\d) \| ([\d.e-]+) \| ([\d.]+) \| (.*) \|$", text, flags=re.MULTILINE
    )
    assert [row[0] for row in rows] == [i for family in FAMILIES[page] for i in list_tasks(family=family)]
    for task_id, difficulty, random_score, optimal_score, tags in rows:
        row = describe(task_id)
        assert (int(difficulty), tuple(tags.split(", "))) == (row.difficulty, row.tags)
        if page != "images":
            task = make_numpy(task_id)
            assert f"{task.random_score:.3g} {task.optimal_score:.3g}" == f"{random_score} {optimal_score}"


def test_the_suite_is_as_large_as_the_documents_say():
    from tpo_envs import list_tasks

    count = len(list_tasks())
    for document in ("docs/tasks/README.md", "packages/tpo-envs/README.md"):
        assert f"{count} tasks" in (ROOT / document).read_text()
