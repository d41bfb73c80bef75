"""The files that tools and code hosts read about this repository."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
PACKAGES = sorted(ROOT.glob("packages/*/pyproject.toml"))
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))


def sessions():
    """The names of the sessions of noxfile.py."""
    text = (ROOT / "noxfile.py").read_text()
    return set(re.findall(r"^@nox\.session.*\n(?:@nox.*\n)*def (\w+)", text, flags=re.MULTILINE))


def jobs():
    return [
        pytest.param(job, id=f"{path.name}: {name}")
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text())["jobs"].items()
    ]


@pytest.mark.parametrize("job", jobs())
def test_a_workflow_calls_nox_and_nothing_else(job):
    matrix = job.get("strategy", {}).get("matrix", {})
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        named = re.fullmatch(r"pip install nox && nox -s (\S+|\$\{\{ matrix\.session \}\})", command)
        assert named, command
        wanted = matrix["session"] if named[1].startswith("$") else [named[1]]
        assert set(wanted) <= sessions()


def test_every_session_of_checks_runs_on_the_code_host():
    called = {name for path in WORKFLOWS for name in re.findall(r"\w+", path.read_text())}
    assert sessions() - {"run", "bench"} <= called


def test_every_yaml_file_is_yaml():
    files = [ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff", *ROOT.glob(".github/**/*.yml")]
    assert all(isinstance(yaml.safe_load(path.read_text()), dict) for path in files)


def test_the_hooks_before_a_commit_name_tools_of_the_lock_file():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for hook in (hook for repo in config["repos"] for hook in repo["hooks"]):
        group, tool = re.search(r"--only-group (\w+) (\S+)", hook["entry"]).groups()
        assert any(requirement.startswith(tool) for requirement in groups[group])


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_its_metadata_is_complete(path):
    project = tomllib.loads(path.read_text())["project"]
    wanted = {"description", "readme", "license", "license-files", "authors", "keywords", "urls"}
    assert wanted <= set(project)
    pythons = {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)}
    assert {"Typing :: Typed", *pythons} <= set(project["classifiers"])
    assert (path.parent / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_its_readme_has_no_links_that_a_package_index_cannot_follow(path):
    links = re.findall(r"\]\(([^)]+)\)", (path.parent / "README.md").read_text())
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_the_citation_has_the_version_of_the_packages():
    versions = {tomllib.loads(path.read_text())["project"]["version"] for path in PACKAGES}
    assert versions == {yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_small_and_holds_no_error(path):
    cells = json.loads(path.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert path.stat().st_size < 200_000
    assert [output for output in outputs if output["output_type"] == "error"] == []
    assert len({cell["id"] for cell in cells}) == len(cells)


def test_the_pictures_of_the_documents_have_words():
    documents = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    assert [path.name for path in documents if re.search(r"!\[\s*\]\(", path.read_text())] == []
