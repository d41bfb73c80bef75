"""A user's own objective, named "module:function" in a config."""

import sys
from pathlib import Path

import pytest

MODULE = """\
\"\"\"An example.\"\"\"
LIMIT = 3

def squared(logp, old_logp, scores, *, power=2, scale):
    return (logp - scores) ** power * scale

def anything(logp, old_logp, scores, **keywords):
    return logp

def starred(*arrays, alpha=1):
    return arrays[0]

def two(logp, scores):
    return logp

def swapped(scores, logp, old_logp):
    return logp

class Callable:
    def __call__(self, logp, old_logp, scores, beta=1):
        return logp

instance = Callable()
"""
CONFIG = """\
task = { kind = "tokens", target = "copy", reward = "sequential", horizon = 4, vocab_size = 2 }
policy = { kind = "transformer" }
optimizer = { kind = "muon", learning_rate = 1e-3 }
schedule = { steps = 20 }

[[method]]
name = "Mine"
objective = { OBJECTIVE }
rollout = { kind = "single", prompts = 100 }
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path) -> None:
    """Modules beside the config."""
    (tmp_path / "my_objectives.py").write_text(MODULE)
    (tmp_path / "needs_more.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "fails.py").write_text("raise RuntimeError('first\\nsecond')\n")
    (tmp_path / "cut.py").write_text("def f(:\n")


def run(objective: str, directory: Path) -> int:
    from tpo_runs._cli import main

    path = directory / "config.toml"
    path.write_text(CONFIG.replace("OBJECTIVE", objective))
    return main([str(path)])


@pytest.mark.parametrize(
    ("objective", "line"),
    [
        ('kind = "my_objectivs:squared"', "there is no module 'my_objectivs'; did you mean 'my_objectives'?"),
        ('kind = "my_objectives.x:squared"', "there is no module 'my_objectives.x'"),
        (
            'kind = "my_objectives:square"',
            "there is no 'square'; did you mean 'squared'? allowed: squared, any",
        ),
        (
            'kind = "my_objectives:LIMIT"',
            "'LIMIT' is not callable; allowed: squared, anything, starred, two, swapped, instance",
        ),
        (
            'kind = "my_objectives:squared", scal = 1',
            "takes no keyword 'scal'; did you mean 'scale'? allowed: power",
        ),
        ('kind = "my_objectives:squared"', "needs the keyword scale; set it beside kind"),
        ('kind = "my_objectives:squared", scale = 1, scores = 2', "takes no keyword 'scores'"),
        ('kind = "my_objectives:starred", beta = 1', "takes no keyword 'beta'; allowed: alpha"),
        ('kind = "my_objectives:instance", gamma = 1', "takes no keyword 'gamma'; allowed: beta"),
        ('kind = "my_objectives:two"', "does not take the three arrays logp, old_logp, scores"),
        (
            'kind = "my_objectives:swapped"',
            "takes scores, logp, old_logp; expected this order: logp, old_logp, scores",
        ),
        (
            'kind = "my_objectives.squared"',
            "is not a kind of objective; allowed: tpo, grpo, group_pg, cross_entropy, ppo, dg, reinforce "
            "or 'module:function', as in 'my_objectives:squared'",
        ),
        (
            'kind = "./my_objectives.py:two"',
            "expected a module and a function, as in 'my_objectives:two', found",
        ),
        ('kind = "losses/mine:two"', "as in 'losses.mine:two', found 'losses/mine:two'"),
        ('kind = "losses/my own:two"', "as in 'module:function', found 'losses/my own:two'"),
        (
            'kind = "needs_more:f"',
            "importing 'needs_more' failed: ModuleNotFoundError: No module named 'a_module",
        ),
        ('kind = "leaves:f"', "importing 'leaves' failed: SystemExit: 0"),
        ('kind = "fails:f"', "importing 'fails' failed: RuntimeError: first"),
        ('kind = "cut:f"', "importing 'cut' failed: SyntaxError: "),
    ],
)
def test_a_function_that_cannot_be_used_is_told_in_one_line(
    objective: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(objective, tmp_path) == 2
    output = capsys.readouterr()
    (told,) = output.err.splitlines()
    assert output.out == ""
    assert told.startswith(f"{tmp_path / 'config.toml'}: method 'Mine': objective.kind: ")
    assert line in told


@pytest.mark.parametrize(
    ("kind", "keywords"),
    [
        ("my_objectives:squared", {"power": 3, "scale": 1}),
        ("my_objectives:anything", {"whatever": [1, 2]}),
        ("my_objectives:starred", {"alpha": 1}),
        ("my_objectives:instance", {"beta": 1}),
        ("math:hypot", {}),
    ],
)
def test_a_function_that_fits_is_found(kind: str, keywords: dict[str, object], tmp_path: Path) -> None:
    from tpo_runs._custom import resolve

    module, _, name = kind.partition(":")
    assert resolve(kind, keywords, [tmp_path]) is getattr(sys.modules[module], name)


def test_modules_are_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tpo_runs._custom import resolve, search_paths

    monkeypatch.chdir(tmp_path)
    directories = search_paths(Path("elsewhere/config.toml"))
    assert directories == [tmp_path / "elsewhere", tmp_path]
    assert callable(resolve("my_objectives:anything", {}, directories))


def test_files_beside_a_config_do_not_stand_in_for_installed_modules(tmp_path: Path) -> None:
    from tpo_runs._custom import resolve

    (tmp_path / "colorsys.py").write_text("def rgb_to_hsv(logp, old_logp, scores): raise AssertionError\n")
    assert resolve("colorsys:rgb_to_hsv", {}, [tmp_path])(0.0, 0.0, 0.0) == (0.0, 0.0, 0.0)
