"""What every package of the workspace has in common."""

import importlib
import importlib.metadata
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
every_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)


def test_the_packages_are_found():
    assert [path.name for path in PACKAGES] == ["tpo-envs", "tpo-models", "tpo-objectives", "tpo-runs"]


@every_package
def test_it_ships_a_readme_a_changelog_and_its_types(package):
    module = package.name.replace("-", "_")
    for name in ("README.md", "CHANGELOG.md", f"src/{module}/py.typed"):
        assert (package / name).is_file(), f"{package.name} lacks {name}"


@every_package
def test_its_version_is_the_declared_one_and_has_a_changelog_entry(package):
    declared = tomllib.loads((package / "pyproject.toml").read_text())["project"]["version"]
    module = importlib.import_module(package.name.replace("-", "_"))
    assert module.__version__ == importlib.metadata.version(package.name) == declared
    assert f"\n## {declared}" in (package / "CHANGELOG.md").read_text()


@every_package
def test_its_array_signatures_are_checked_while_tests_run(package):
    module = importlib.import_module(package.name.replace("-", "_"))
    assert type(module.__loader__).__module__.startswith("jaxtyping")
