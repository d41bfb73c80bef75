"""The command line: what it takes, and how it refuses."""

import collections
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tpo_runs._signals import StopSignals

CONFIG = """\
task = { kind = "tokens", target = "copy", reward = "sequential", horizon = 4, vocab_size = 2 }
policy = { kind = "transformer" }
optimizer = { kind = "muon", learning_rate = 1e-3 }
schedule = { steps = 20 }
smoke = { schedule = { steps = 3 } }

[[method]]
name = "PPO"
objective = { kind = "ppo" }
rollout = { kind = "single", prompts = 100 }
"""


@pytest.fixture
def parse(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Gives the values that reach the command `run`."""
    from tpo_runs._cli import main

    calls = []

    def run(config: Path, **values: Any) -> int:
        calls.append({"config": config, **values})
        return 7

    def parse(*argv: str) -> dict[str, Any]:
        assert main(argv) == 7
        return calls.pop()

    monkeypatch.setattr("tpo_runs._cli.commands.run", run)
    return parse


def test_defaults(parse) -> None:
    values = parse("a.toml")
    assert (values.pop("config"), values.pop("overrides")) == (Path("a.toml"), ())
    assert isinstance(values.pop("stop"), StopSignals)
    names = ("smoke", "overwrite", "list_only", "quiet", "json")
    assert values == dict.fromkeys(names, False) | dict.fromkeys(("out", "methods", "track"))


@pytest.mark.parametrize("name", ["smoke", "overwrite", "quiet", "json"])
def test_switches(name: str, parse) -> None:
    assert parse("a.toml", f"--{name}")[name] is True


@pytest.mark.parametrize(
    "argv",
    [
        ("a.toml", "--out", "there", "--methods", "TPO,DG (1 epoch)", "--schedule.steps", "3"),
        ("--out=there", "--schedule.steps=3", "--methods=TPO,DG (1 epoch)", "a.toml"),
        ("--schedule.steps", "3", "a.toml", "--methods", "TPO,DG (1 epoch)", "--out", "there"),
    ],
)
def test_words_may_come_in_any_order(argv: tuple[str, ...], parse) -> None:
    values = parse(*argv)
    assert (values["config"], values["out"]) == (Path("a.toml"), Path("there"))
    assert values["methods"] == "TPO,DG (1 epoch)"
    assert values["overrides"] == (("schedule.steps", "3"),)


@pytest.mark.parametrize(
    ("words", "pair"),
    [
        (["--schedule.steps", "-3"], ("schedule.steps", "-3")),
        (["--schedule.steps="], ("schedule.steps", "")),
        (["--task.target=a=b"], ("task.target", "a=b")),
        (["--task.target=--x"], ("task.target", "--x")),
        (["--grid.task.horizon", "[7, 8]"], ("grid.task.horizon", "[7, 8]")),
        (["--method.GRPO (no KL).objective.clip", "0.1"], ("method.GRPO (no KL).objective.clip", "0.1")),
    ],
)
def test_overrides_are_kept_as_typed(words: list[str], pair: tuple[str, str], parse) -> None:
    assert parse("a.toml", *words)["overrides"] == (pair,)


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["a.toml", "--smokee"], "unknown flag '--smokee'; did you mean '--smoke'?; flags: --help, --smoke"),
        (["a.toml", "--overwite"], "did you mean '--overwrite'?"),
        (["a.toml", "--method", "TPO"], "unknown flag '--method'; did you mean '--methods'?"),
        (["a.toml", "--seeds", "3"], "unknown flag '--seeds'"),
        (["--seeds", "3", "a.toml"], "unknown flag '--seeds'"),
        (["a.toml", "--smo"], "unknown flag '--smo'"),
        (["a.toml", "-3"], "unknown flag '-3'"),
        (["a.toml", "--seeds", "3"], "did you mean '--schedule.seeds' or '--tune.seeds'?; flags: "),
        (["a.toml", "--learning-rate", "3"], "did you mean '--optimizer.learning_rate'?"),
        (["a.toml", "--lr", "3"], "did you mean '--optimizer.learning_rate'?"),
        (["a.toml", "--device", "gpu"], "unknown flag '--device'; the variable JAX_PLATFORMS chooses"),
        (["a.toml", "--resume"], "unknown flag '--resume'; the same command resumes"),
        (["report", "results/a", "--seed", "1"], "unknown flag '--seed'; flags: --help, --to"),
        (["sample", "results/a", "--seeds", "1"], "unknown flag '--seeds'; did you mean '--seed'?; flags:"),
        (["a.toml", "--eta=2"], "did you mean '--method.NAME.objective.eta'?; flags: "),
        (["a.toml", "--eps=2"], "did you mean '--optimizer.eps'?"),
        (["a.toml", "task.horizon=5"], "one config file; did you mean '--task.horizon=5'?"),
        (["a.toml", "--methods", "TPO,", "DG"], "did you mean '--methods TPO,DG', without a space?"),
        (["a.toml", "--methods", "TPO", "DG", "PG"], "did you mean '--methods TPO,DG', without a space?"),
        (["reprot", "results/a"], "there is no command 'reprot'; did you mean 'tpo-runs report results/a'?"),
        (["a.toml", "--seed", "1"], "did you mean '--schedule.seeds' or '--schedule.first_seed' or "),
        (["list", "a.toml"], "there is no command 'list'; did you mean 'tpo-runs a.toml --list'?"),
        (["list"], "there is no command 'list'; did you mean 'tpo-runs CONFIG --list'?"),
        (["run", "a.toml", "--smoke"], "did you mean 'tpo-runs a.toml --smoke'?"),
        (["plot", "results/a"], "did you mean 'tpo-runs draw results/a'?"),
        (
            ["combine", "a", "b"],
            "did you mean 'tpo-runs summarize a && tpo-runs summarize b && "
            "tpo-runs draw a/figures/summary.json b/figures/summary.json'?",
        ),
        (["diff", "a", "b"], "did you mean 'tpo-runs compare a b'?"),
        (["combine", "a.json", "b.json"], "did you mean 'tpo-runs draw a.json b.json'?"),
        (["report", "a", "b"], "expected one OUT; for both, run 'tpo-runs report a && tpo-runs report b'"),
        (["draw", "a", "b"], "expected one OUT, or summaries; to compare runs, use tpo-runs compare OUT OUT"),
        (["a.toml", "--smoke=3"], "argument --smoke: "),
        (["a.toml", "--out"], "argument --out: expected one argument"),
        (["a.toml", "--schedule.steps"], "--schedule.steps: expected a value"),
        (["a.toml", "--schedule.steps", "--smoke"], "--schedule.steps: expected a value"),
        (
            ["a.toml", "b.toml"],
            "expected one config file; for both, run 'tpo-runs a.toml && tpo-runs b.toml'",
        ),
        (["--smoke"], "required: CONFIG"),
        (["a.toml", "--bad\x1bflag"], "unknown flag '--bad\\x1bflag'"),
    ],
)
def test_a_wrong_command_line_is_refused_with_one_line(
    argv: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from tpo_runs._cli import main

    assert main(argv) == 2
    output = capsys.readouterr()
    assert output.out == ""
    (told,) = output.err.splitlines()
    assert line in told


@pytest.mark.parametrize("command", [[], ["check"], ["show"]], ids="".join)
def test_an_output_directory_in_place_of_a_config_names_the_commands_that_take_it(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tpo_runs._cli import main

    (tmp_path / "run.json").write_text("{}")
    assert main([*command, str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path}: is the output directory of a run; expected a config; "
        f"did you mean 'tpo-runs draw {tmp_path}' or 'tpo-runs report {tmp_path}'?\n"
    )


@pytest.mark.parametrize(("argv", "code"), [(["--help"], 0), (["a.toml", "-h"], 0), ([], 2)])
def test_help_shows_examples_and_the_rule_of_overrides(
    argv: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    from tpo_runs._cli import main

    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == code
    text = capsys.readouterr().out
    for part in ("usage: tpo-runs", "examples:", "--methods TPO,GRPO", "wins over", "--method.NAME"):
        assert part in text
    assert max(len(line) for line in text.splitlines()) <= 110


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    import tpo_runs
    from tpo_runs._cli import main

    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"tpo-runs {tpo_runs.__version__}\n"


def test_a_right_command_line_reaches_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tpo_runs._cli import main

    calls: list[Any] = []
    runner = types.ModuleType("tpo_runs._run")
    monkeypatch.setattr(runner, "run", lambda *given: calls.append(given) or 7, raising=False)
    for name in ("check_installed", "list_cells", "with_choices"):
        monkeypatch.setattr(runner, name, lambda *_: None, raising=False)
    options = collections.namedtuple("RunOptions", "short overwrite quiet json")
    monkeypatch.setattr(runner, "RunOptions", options, raising=False)
    monkeypatch.setitem(sys.modules, "tpo_runs._run", runner)
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    assert main([str(path), "--smoke", "--quiet", "--task.horizon", "2"]) == 7
    ((loaded, out, _, options),) = calls
    assert (loaded.path, loaded.config.schedule.steps, loaded.cells[0].task.horizon) == (path, 3, 2)
    assert (out, options) == (Path("results/config-smoke"), (True, False, True, False))
    assert capsys.readouterr().err == ""


def test_the_command_line_of_the_process_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tpo_runs._cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tpo-runs", "none.toml"])
    assert main() == 2
    assert capsys.readouterr().err == "none.toml: no such file\n"
