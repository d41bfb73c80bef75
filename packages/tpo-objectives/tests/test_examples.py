"""The examples in the docstrings and in the README run, and print what they say."""

import doctest
import re
from pathlib import Path

import pytest

PUBLIC = [
    "cross_entropy",
    "dg",
    "group_pg",
    "grpo",
    "informative_only",
    "ppo",
    "reinforce",
    "standardize",
    "tpo",
    "tpo_target",
]


def test_public_names():
    import tpo_objectives

    assert sorted(name for name, value in vars(tpo_objectives).items() if callable(value)) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_docstring_example(name):
    import tpo_objectives

    function = getattr(tpo_objectives, name)
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name, globs={})
    assert example.examples
    lines: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(example, out=lines.append)
    assert results.failed == 0, "".join(lines)


def test_readme_code():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert blocks
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
