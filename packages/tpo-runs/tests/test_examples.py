"""The examples in the docstrings and in the README run, and the public names are there."""

import doctest
import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import tpo_runs

FOUND = pkgutil.walk_packages(tpo_runs.__path__, "tpo_runs.")
# These import Ray, submitit and trackers.
MODULES = sorted(m.name for m in FOUND if not re.search(r"__main__|\.(on_ray|on_slurm|tracker_\w+)$", m.name))
README = Path(__file__).parents[1] / "README.md"


def blocks(language):
    found = re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert found
    return found


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples(module):
    assert doctest.testmod(importlib.import_module(module)).failed == 0


def test_readme_code():
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), {})


def test_readme_config(tmp_path):
    for i, block in enumerate(blocks("toml")):
        path = tmp_path / f"{i}.toml"
        path.write_text(block)
        loaded = tpo_runs.load_config(path)
        assert len(loaded.cells) == len(tomllib.loads(block)["method"]) * 4


def test_every_public_name_is_there():
    assert all(getattr(tpo_runs, name) is not None for name in dir(tpo_runs))
