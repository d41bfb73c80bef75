"""The examples in the docstrings and in the README run, and print what they say."""

import doctest
import importlib
import operator
import re
from pathlib import Path

import pytest

PUBLIC = [
    "asymre",
    "awr",
    "batch_mean",
    "cispo",
    "cross_entropy",
    "dapo",
    "dg",
    "dmpo",
    "dppo",
    "dr_grpo",
    "dro",
    "gdpo",
    "gmpo",
    "gpg",
    "group_pg",
    "grpo",
    "gspo",
    "gvpo",
    "informative_only",
    "logp_gradient",
    "lpo",
    "maxrl",
    "mdpo",
    "mpo",
    "opmd",
    "opo",
    "over_tokens",
    "pmpo",
    "policy_gradient",
    "ppo",
    "rebel",
    "reinforce",
    "reinforce_pp",
    "remax",
    "rloo",
    "sapo",
    "standardize",
    "token_grpo",
    "topr",
    "tpo",
    "tpo_policy",
    "tpo_target",
    "v_mpo",
]


PARTS = ["advantages", "aggregates", "corrections", "kl", "surrogates"]


def test_public_names():
    import tpo_objectives

    assert sorted(name for name, value in vars(tpo_objectives).items() if callable(value)) == PUBLIC


def functions():
    return [*PUBLIC, *(f"{part}.{name}" for part in PARTS for name in members(part))]


def members(part):
    source = Path(__file__).parents[1] / "src" / "tpo_objectives" / f"{part}.py"
    return re.findall(r"^def ([a-z]\w*)", source.read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_exports_all_its_functions(part):
    module = importlib.import_module(f"tpo_objectives.{part}")
    assert set(members(part)) <= set(module.__all__)


@pytest.mark.parametrize("name", functions())
def test_docstring_example(name):
    import tpo_objectives

    function = operator.attrgetter(name)(tpo_objectives)
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
