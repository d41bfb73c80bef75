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
    from tpo_runs._config import resolve

    module, _, name = kind.partition(":")
    assert resolve(kind, keywords, [tmp_path]) is getattr(sys.modules[module], name)


def test_modules_are_found_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tpo_runs._config import resolve, search_paths

    monkeypatch.chdir(tmp_path)
    directories = search_paths(Path("elsewhere/config.toml"))
    assert directories == [tmp_path / "elsewhere", tmp_path]
    assert callable(resolve("my_objectives:anything", {}, directories))


@pytest.mark.parametrize("name", ["colorsys", "math", "pytest"])
def test_a_file_that_another_module_hides_is_refused_with_both_and_the_fix(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"{name}.py").write_text("def best(logp, old_logp, scores):\n    return -logp\n")
    assert run(f'kind = "{name}:best"', tmp_path) == 2
    (told,) = capsys.readouterr().err.splitlines()
    other = getattr(sys.modules.get(name), "__file__", None) or (
        "built into Python" if name in sys.builtin_module_names else f"{name}."
    )
    assert f"{tmp_path / name}.py is hidden by another module '{name}'" in told
    assert other in told
    assert "rename your file" in told


def test_two_configs_have_each_their_own_modules_of_one_name(tmp_path: Path) -> None:
    from tpo_runs._config import resolve

    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        text = "from my_helpers import VALUE\ndef f(logp, old_logp, scores):\n    return VALUE\n"
        (tmp_path / folder / "my_losses.py").write_text(text)
        (tmp_path / folder / "my_helpers.py").write_text(f"VALUE = {value}\n")
    a, b, again = (resolve("my_losses:f", {}, [tmp_path / folder]) for folder in ("a", "b", "a"))
    assert (a(0, 0, 0), b(0, 0, 0), again(0, 0, 0)) == (1, 2, 1)


def test_what_a_module_prints_when_it_is_imported_is_no_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chatty.py").write_text("print('hi')\ndef f(logp, old_logp, scores): return logp\n")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG.replace("OBJECTIVE", 'kind = "chatty:f"'))
    from tpo_runs._cli import main

    assert main([str(path), "--list", "--json", "--out", str(tmp_path / "out")]) == 0
    output = capsys.readouterr()
    assert "hi" not in output.out
    assert "hi" in output.err


@pytest.mark.parametrize(
    "arguments",
    ["score, lp, olp", "logp, scores, old_logp", "reward, a, b", "lp, adv, lp_old", "old_logp, logp, scores"],
)
def test_arrays_whose_names_tell_of_another_order_are_refused(
    arguments: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "swaps.py").write_text(f"def f({arguments}):\n    return {arguments[:2]}\n")
    assert run('kind = "swaps:f"', tmp_path) == 2
    assert f"takes {arguments}; expected this order: logp, old_logp, scores" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", ["lp, olp, r", "new_logp, old_logp, advantages", "x, y, z"])
def test_arrays_of_other_names_in_this_order_are_taken(arguments: str, tmp_path: Path) -> None:
    from tpo_runs._config import resolve

    (tmp_path / "fits.py").write_text(f"def f({arguments}):\n    return 0\n")
    assert callable(resolve("fits:f", {}, [tmp_path]))


@pytest.mark.parametrize(
    "statement", ["raise KeyboardInterrupt", "raise GeneratorExit", "import sys; sys.exit(3)"]
)
def test_a_module_that_ends_python_is_told_in_one_line(
    statement: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ends.py").write_text(f"{statement}\n")
    assert run('kind = "ends:f"', tmp_path) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert "importing 'ends' failed: " in told
