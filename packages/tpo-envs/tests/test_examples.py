"""The examples in the docstrings and in the README run, and print what they say."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import tpo_envs

MODULES = sorted(module.name for module in pkgutil.iter_modules(tpo_envs.__path__))
NEEDS = {
    "_datasets": "sklearn",
    "_reasoning_gym": "reasoning_gym",
    "_text_data": "datasets",
    "gymnasium": "gymnasium",
}


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples(module):
    if module in NEEDS:
        pytest.importorskip(NEEDS[module])
    results = doctest.testmod(importlib.import_module(f"tpo_envs.{module}"))
    assert results.failed == 0


def test_there_are_docstring_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [importlib.import_module(f"tpo_envs.{name}") for name in MODULES if name not in NEEDS]
    assert sum(len(test.examples) > 0 for module in modules for test in finder.find(module)) > 5


def test_readme_code():
    pytest.importorskip("sklearn")
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert blocks
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
