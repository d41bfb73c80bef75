"""Wrong configs: each is refused with one line that names the place and the fix, and exit code 2."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from tpo_runs._cli import main

VALID = """\
title = "A run"
threshold = 0.01

[task]
kind = "tokens"
target = "reverse_copy"
reward = "terminal"
horizon = 4
vocab_size = 2

[policy]
kind = "transformer"
width = 64

[optimizer]
kind = "muon"
learning_rate = 1e-3

[schedule]
steps = 20
epochs = 4

[[method]]
name = "TPO"
objective = { kind = "tpo", eta = 1.0 }
rollout = { kind = "sequence_group", prompts = 100, candidates = 8 }

[[method]]
name = "PPO"
objective = { kind = "ppo" }
rollout = { kind = "single", prompts = 100, baseline = "batch_mean" }
schedule = { epochs = 1 }

[grid]
"task.horizon" = [4, 5]

[smoke]
schedule = { steps = 3 }
"""


@dataclasses.dataclass(frozen=True)
class Wrong:
    """A change to the valid config, and what its one line must hold."""

    id: str
    old: str
    new: str
    place: str
    hint: str


WRONG = [
    # Unknown keys, with the nearest match and what is allowed.
    Wrong("top_key", "title =", "titel =", "titel:", "did you mean 'title'? allowed: title, paper, task"),
    Wrong("table", "[schedule]", "[shedule]", "shedule:", "did you mean 'schedule'?"),
    Wrong("top_table", "[grid]", "[grids]", "grids:", "did you mean 'grid'?"),
    Wrong("task_key", "horizon = 4", "horizon = 4\nhorizn = 4", "task.horizn:", "did you mean 'horizon'?"),
    Wrong(
        "policy_key", "width = 64", "wdth = 64", "policy.wdth:", "allowed: kind, start, width, layers, heads"
    ),
    Wrong(
        "optimizer_key", "[schedule]", "lr = 1\n[schedule]", "optimizer.lr:", "allowed: kind, learning_rate"
    ),
    Wrong("schedule_key", "epochs = 4", "epoch = 4", "schedule.epoch:", "did you mean 'epochs'?"),
    Wrong("method_key", 'name = "TPO"', 'name = "TPO"\ncolor = 1', "method 'TPO': color:", "allowed: name"),
    Wrong("objective_key", "eta = 1.0", "etta = 1.0", "method 'TPO': objective.etta:", "did you mean 'eta'?"),
    Wrong("rollout_key", "candidates", "candidate", "method 'TPO': rollout.candidate:", "'candidates'"),
    Wrong(
        "foreign_key", '"ppo" }', '"ppo", eta = 1.0 }', "method 'PPO': objective.eta:", "allowed: kind, clip"
    ),
    Wrong("partial_key", "{ epochs = 1 }", "{ epok = 1 }", "method 'PPO': schedule.epok:", "'epochs'"),
    Wrong("key_with_newline", "epochs = 4", '"ep\\nochs" = 4', 'schedule."ep\\nochs":', "'epochs'"),
    Wrong("key_with_escape", "epochs = 4", '"\\u001b[2J" = 4', "schedule.", "\\x1b"),
    # Kinds.
    Wrong(
        "task_kind",
        '"tokens"',
        '"token"',
        "task.kind:",
        "'token' is not a kind of task; did you mean 'tokens'?",
    ),
    Wrong("policy_kind", '"transformer"', '"transfromer"', "policy.kind:", "did you mean 'transformer'?"),
    Wrong("optimizer_kind", '"muon"', '"lion"', "optimizer.kind:", "allowed: muon, adam, adamw, sgd"),
    Wrong("objective_kind", '"ppo"', '"pppo"', "method 'PPO': objective.kind:", "or 'module:function'"),
    Wrong("rollout_kind", '"single"', '"singel"', "method 'PPO': rollout.kind:", "did you mean 'single'?"),
    Wrong("kind_missing", 'kind = "muon"\n', "", "optimizer.kind:", "missing; allowed: muon, adam"),
    Wrong("kind_number", '"muon"', "3", "optimizer.kind:", "3 is not a kind of optimizer"),
    Wrong("kind_upper", '"muon"', '"Muon"', "optimizer.kind:", "did you mean 'muon'?"),
    # Choices.
    Wrong("target", '"reverse_copy"', '"revers_copy"', "task.target:", "did you mean 'reverse_copy'?"),
    Wrong("reward", '"terminal"', '"sparse"', "task.reward:", "one of bag_of_tokens, sequential, terminal"),
    Wrong("baseline", '"batch_mean"', '"mean"', "method 'PPO': rollout.baseline:", "batch_mean, none"),
    Wrong("probe", "title =", 'probes = ["x"]\ntitle =', "probes:", "'x' is not a probe"),
    Wrong("figure", "title =", 'figures = ["curves"]\ntitle =', "figures:", "allowed: learning_curves"),
    Wrong(
        "sweep_axis",
        "title =",
        'figures = [{ kind = "sweep", axis = "task.horizn" }]\ntitle =',
        "figures.1.axis:",
        "'task.horizn' is not an axis of the grid; did you mean 'task.horizon'?",
    ),
    Wrong(
        "figure_twice",
        "title =",
        'figures = ["final_errors", "final_errors"]\ntitle =',
        "figures:",
        "'final_errors' appears twice",
    ),
    # Types: nothing is guessed.
    Wrong(
        "text_for_int",
        "horizon = 4",
        'horizon = "10"',
        "task.horizon:",
        "an integer from 1 to 4096, found '10'",
    ),
    Wrong("float_for_int", "steps = 20", "steps = 20.0", "schedule.steps:", "found 20.0"),
    Wrong("bool_for_int", "epochs = 4", "epochs = true", "schedule.epochs:", "found true"),
    Wrong("bool_for_float", "eta = 1.0", "eta = true", "method 'TPO': objective.eta:", "found true"),
    Wrong("int_for_bool", "eta = 1.0", "anchor = 1", "method 'TPO': objective.anchor:", "'mean', found 1"),
    Wrong("text_for_float", "1e-3", '"1e-3"', "optimizer.learning_rate:", "a number above 0, found '1e-3'"),
    Wrong("number_for_text", '"A run"', "3", "title:", "expected a string, found 3"),
    Wrong("list_for_int", "vocab_size = 2", "vocab_size = [2]", "task.vocab_size:", "found a list of 1"),
    Wrong("date_for_int", "vocab_size = 2", "vocab_size = 1979-05-27", "task.vocab_size:", "(a date)"),
    Wrong("table_for_int", "vocab_size = 2", "vocab_size = {}", "task.vocab_size:", "found a table"),
    Wrong(
        "text_for_table",
        '{ kind = "ppo" }',
        '"ppo"',
        "method 'PPO': objective:",
        "expected a table, found 'ppo'",
    ),
    Wrong(
        "number_for_rollouts", "{ epochs = 1 }", "1", "method 'PPO': schedule:", "expected a table, found 1"
    ),
    Wrong("text_for_list", "title =", 'figures = "final_errors"\ntitle =', "figures:", "a list of names"),
    # Ranges.
    Wrong("zero_steps", "steps = 20", "steps = 0", "schedule.steps:", "from 1 to 1000000000, found 0"),
    Wrong("negative_epochs", "epochs = 4", "epochs = -1", "schedule.epochs:", "found -1"),
    Wrong("negative_seed", "epochs = 4", "first_seed = -1", "schedule.first_seed:", "from 0 to"),
    Wrong("zero_block", "epochs = 4", "block = 0", "schedule.block:", "from 1 to 4096"),
    Wrong("zero_minutes", "epochs = 4", "checkpoint_minutes = 0", "schedule.checkpoint_minutes:", "above 0"),
    Wrong("astronomical", "steps = 20", f"steps = {10**30}", "schedule.steps:", "an integer of 100 bits"),
    Wrong("one_token", "vocab_size = 2", "vocab_size = 1", "task.vocab_size:", "from 2 to 65536"),
    Wrong("long_horizon", "horizon = 4", "horizon = 5000", "task.horizon:", "from 1 to 4096"),
    Wrong("one_candidate", "candidates = 8", "candidates = 1", "method 'TPO': rollout.candidates:", "from 2"),
    Wrong(
        "no_prompts", "prompts = 100, cand", "prompts = 0, cand", "method 'TPO': rollout.prompts:", "from 1"
    ),
    Wrong("zero_eta", "eta = 1.0", "eta = 0", "method 'TPO': objective.eta:", "above 0"),
    Wrong(
        "clip_of_one", '"ppo"', '"ppo", clip = 1.0', "method 'PPO': objective.clip:", "above 0 and below 1"
    ),
    Wrong(
        "negative_kl",
        '"tpo", eta = 1.0',
        '"grpo", kl_coef = -1',
        "method 'TPO': objective.kl_coef:",
        "of at least 0",
    ),
    Wrong("nan", "1e-3", "nan", "optimizer.learning_rate:", "a finite number above 0, found nan"),
    Wrong("infinity", "1e-3", "inf", "optimizer.learning_rate:", "found inf"),
    Wrong("beta_of_one", "1e-3", "1e-3\nbeta = 1.0", "optimizer.beta:", "of at least 0 and below 1"),
    Wrong("threshold_of_one", "0.01", "1", "threshold:", "above 0 and below 1, found 1"),
    Wrong(
        "heads", "width = 64", "width = 64\nheads = 3", "policy:", "does not divide width = 64; try heads = 2"
    ),
    # What is missing.
    Wrong("no_horizon", "horizon = 4\n", "", "task.horizon:", "missing; expected an integer from 1 to 4096"),
    Wrong(
        "no_target", 'target = "reverse_copy"\n', "", "task.target:", "missing; expected one of copy, flip"
    ),
    Wrong("clip_of_zero", "1e-3", "1e-3\nclip_norm = 0.0", "optimizer.clip_norm:", "a number above 0"),
    Wrong(
        "negative_warmup",
        "1e-3",
        "1e-3\nwarmup_steps = -1",
        "optimizer.warmup_steps:",
        "an integer from 0 to",
    ),
    Wrong("half_a_step", "1e-3", "1e-3\nwarmup_steps = 0.5", "optimizer.warmup_steps:", "an integer"),
    Wrong("decay", "1e-3", '1e-3\ndecay = "cosin"', "optimizer.decay:", "did you mean 'cosine'?"),
    Wrong(
        "endless_warmup",
        "1e-3",
        "1e-3\nwarmup_steps = 19",
        "optimizer.warmup_steps:",
        "19 is not below schedule.steps = 3",
    ),
    Wrong(
        "negative_weight_decay",
        '"muon"\nlearning_rate = 1e-3',
        '"adamw"\nlearning_rate = 1e-3\nweight_decay = -1.0',
        "optimizer.weight_decay:",
        "at least 0",
    ),
    Wrong(
        "momentum_of_one",
        '"muon"\nlearning_rate = 1e-3',
        '"sgd"\nlearning_rate = 1e-3\nmomentum = 1.0',
        "optimizer.momentum:",
        "of at least 0 and below 1",
    ),
    Wrong(
        "clip_of_unit_norm",
        '"muon"\nlearning_rate = 1e-3',
        '"unit_norm"\nlearning_rate = 1e-3\nclip_norm = 1.0',
        "optimizer.clip_norm:",
        "unknown key",
    ),
    Wrong("no_rate", "learning_rate = 1e-3\n", "", "optimizer.learning_rate:", "missing; expected a number"),
    Wrong("no_prompts_key", "prompts = 100, cand", "cand", "method 'TPO': rollout.prompts:", "missing"),
    Wrong("no_name", 'name = "PPO"\n', "", "method 2: name:", "missing; expected a string"),
    Wrong("no_objective", 'objective = { kind = "ppo" }\n', "", "method 'PPO': objective:", "missing"),
    Wrong(
        "no_schedule", "[schedule]\nsteps = 20\nepochs = 4\n", "", "schedule:", "missing; expected a table"
    ),
    # Methods.
    Wrong("same_name", '"PPO"', '"TPO"', "method:", "the name 'TPO' appears twice"),
    Wrong("empty_name", '"PPO"', '""', "method '': name:", "expected a printable name"),
    Wrong("name_with_newline", '"PPO"', '"P\\nO"', "method 'P\\nO': name:", "expected a printable name"),
    Wrong(
        "sample_objective_on_groups",
        '"single", prompts = 100, baseline = "batch_mean"',
        '"sequence_group", prompts = 100, candidates = 8',
        "method 'PPO': rollout.kind:",
        "makes groups of candidates, but objective 'ppo' takes single samples; use rollout.kind = 'single'",
    ),
    Wrong(
        "group_objective_on_samples",
        '"sequence_group", prompts = 100, candidates = 8',
        '"single", prompts = 100',
        "method 'TPO': rollout.kind:",
        "use rollout.kind = 'sequence_group' or 'token_group' or objective.kind = 'ppo'",
    ),
    Wrong(
        "token_groups_need_dense_rewards",
        '"sequence_group"',
        '"token_group"',
        "method 'TPO': rollout.kind:",
        "task.reward is 'terminal'; use 'sequence_group'",
    ),
    Wrong(
        "partial_value",
        "{ epochs = 1 }",
        "{ epochs = 0 }",
        "method 'PPO': schedule.epochs:",
        "found 0",
    ),
    Wrong(
        "partial_of_another_kind_is_whole",
        "schedule = { epochs = 1 }",
        'optimizer = { kind = "adam" }',
        "method 'PPO': optimizer.learning_rate:",
        "missing",
    ),
    Wrong(
        "partial_heads",
        "schedule = { epochs = 1 }",
        "policy = { heads = 5 }",
        "method 'PPO': policy:",
        "does not divide",
    ),
    Wrong("function_without_module", '"ppo"', '":f"', "method 'PPO': objective.kind:", "'module:function'"),
    Wrong("function_with_space", '"ppo"', '"my mod:f"', "method 'PPO': objective.kind:", "'module:function'"),
    Wrong(
        "custom_nan", '"ppo"', '"m:f", x = nan', "method 'PPO': objective.x:", "a finite number, found nan"
    ),
    Wrong("custom_date", '"ppo"', '"m:f", x = 1979-05-27', "method 'PPO': objective.x:", "(a date)"),
    Wrong(
        "custom_big",
        '"ppo"',
        '"m:f", x = [{ y = 0xfffffffffffffffff }]',
        "method 'PPO': objective.x:",
        "64 bits",
    ),
    # The grid.
    Wrong(
        "axis_key", '"task.horizon" =', '"task.horizen" =', 'grid."task.horizen":', "did you mean 'horizon'?"
    ),
    Wrong("axis_root", '"task.horizon" =', '"tsk.horizon" =', 'grid."tsk.horizon":', "'task.horizon'?"),
    Wrong("axis_bare", '"task.horizon" =', '"horizon" =', "grid.horizon:", "did you mean 'task.horizon'?"),
    Wrong("axis_table", '"task.horizon" =', '"task" =', "grid.task:", "expected a path"),
    Wrong(
        "axis_empty",
        "[4, 5]",
        "[]",
        'grid."task.horizon":',
        "a list of 1 to 1000 values, found an empty list",
    ),
    Wrong("axis_scalar", "[4, 5]", "4", 'grid."task.horizon":', "found 4"),
    Wrong("axis_value", "[4, 5]", '[4, "5"]', 'grid."task.horizon":', "an integer from 1 to 4096, found '5'"),
    Wrong("axis_twice", "[4, 5]", "[4, 4]", 'grid."task.horizon":', "the value 4 appears twice"),
    Wrong(
        "axis_seeds", '"task.horizon" =', '"schedule.seeds" =', 'grid."schedule.seeds":', "cannot be swept"
    ),
    Wrong(
        "axis_foreign_to_a_method",
        '"task.horizon" = [4, 5]',
        '"objective.eta" = [0.5, 1]',
        'grid."objective.eta":',
        "method 'PPO': unknown key; allowed: kind, clip",
    ),
    Wrong(
        "axis_kind_lacks_a_key",
        '"task.horizon" = [4, 5]',
        '"optimizer.kind" = ["muon", "adam"]',
        'grid."optimizer.kind":',
        "optimizer.learning_rate: missing",
    ),
    Wrong(
        "axis_mismatch",
        '"task.horizon" = [4, 5]',
        '"task.width" = [4, 5]\n"task.horizon" = [4, 5]',
        'grid."task.width":',
        "unknown key",
    ),
    Wrong(
        "grid_too_large",
        "[4, 5]",
        f'{list(range(1, 101))}\n"schedule.epochs" = {list(range(1, 101))}',
        "grid:",
        "makes 20000 cells with 2 methods; at most 4096 are allowed",
    ),
    # The smoke table, without --smoke.
    Wrong(
        "smoke_root", "schedule = { steps = 3 }", "schedul = {}", "smoke.schedul:", "did you mean 'schedule'?"
    ),
    Wrong("smoke_key", "{ steps = 3 }", "{ stepz = 3 }", "smoke.schedule.stepz:", "did you mean 'steps'?"),
    Wrong("smoke_value", "{ steps = 3 }", "{ steps = 0 }", "smoke.schedule.steps:", "found 0"),
    Wrong("smoke_method", "[smoke]\n", "[smoke]\nmethod = []\n", "smoke.method:", "did you mean 'methods'?"),
    Wrong(
        "smoke_names", "[smoke]\n", '[smoke]\nmethods = ["TP0"]\n', "smoke.methods:", "did you mean 'TPO'?"
    ),
    Wrong(
        "smoke_no_names", "[smoke]\n", "[smoke]\nmethods = []\n", "smoke.methods:", "a list of method names"
    ),
    Wrong("smoke_list", "[smoke]", "[[smoke]]", "smoke:", "expected a table, found a list of 1"),
]

WRONG_FILES = {
    "syntax": (VALID.replace("steps = 20", "steps 20").encode(), "not TOML: ", "line 20, column 7"),
    "cut": (VALID.encode() + b"x = [1,", "not TOML: ", "end of document"),
    "twice": (VALID.encode() + b"schedule = {}\n[smoke]\n", "not TOML: ", "line 39"),
    "unquoted": (b"title = Sparse reward", "not TOML: Invalid value (at line 1", "; text needs quotes"),
    "key_twice": (b"title = 'a'\ntitle = 'b'", "not TOML: Cannot overwrite", "stands above already"),
    "method_twice": (
        b"[method]\n[method]",
        "not TOML: Cannot declare",
        "every method begins with [[method]]",
    ),
    "huge_integer": (b"x = " + b"9" * 5000, "not TOML: ", "digits"),
    "huge_hexadecimal": (
        VALID.replace("= 20", "= 0x" + "f" * 9000).encode(),
        "schedule.steps:",
        "of 36000 bits",
    ),
    "latin_1": (VALID.encode() + "# é\n".encode("latin-1"), "not UTF-8 at line 39", "save it as UTF-8"),
    "utf_16": (VALID.encode("utf-16"), "not UTF-8 at line 1", "save it as UTF-8"),
    "byte_order_mark": (
        b"\xef\xbb\xbf" + VALID.encode(),
        "starts with a byte-order mark",
        "UTF-8 without one",
    ),
    "large": (VALID.encode() + b"#" * 1_000_000, "larger than 1 MB", "config file"),
    "deep_arrays": (b"x = " + b"[" * 5000 + b"]" * 5000, "nested too deeply", "at most 20 levels"),
    "deep_keys": (b".".join([b"x"] * 500) + b" = 1", "nested too deeply", "at most 20 levels"),
    "binary": (bytes(range(256)), "", ""),
}


def refusal(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run the program, expect exit code 2 and one line, and return the line."""
    assert main(argv) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.endswith("\n")
    assert len(output.err.splitlines()) == 1, output.err
    assert all(letter.isprintable() for letter in output.err[:-1])
    return output.err


def written(directory: Path, content: str | bytes) -> str:
    path = directory / "config.toml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.id)
def test_a_wrong_config_is_refused_with_one_line(
    wrong: Wrong, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert VALID.count(wrong.old) >= 1
    text = VALID.replace(wrong.old, wrong.new, 1)
    path = written(tmp_path, text)
    line = refusal([path], capsys)
    assert line.startswith(f"{path}: {wrong.place}")
    assert wrong.hint in line


@pytest.mark.parametrize("name", WRONG_FILES)
def test_an_unreadable_file_is_refused_with_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, place, hint = WRONG_FILES[name]
    path = written(tmp_path, content)
    line = refusal([path], capsys)
    assert line.startswith(f"{path}: {place}")
    assert hint in line


@pytest.mark.parametrize("figure", ['"sweep"', '{ kind = "sweep" }'])
def test_a_sweep_without_a_grid_is_refused(
    figure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = f"figures = [{figure}]\n" + VALID.replace('[grid]\n"task.horizon" = [4, 5]\n', "")
    path = written(tmp_path, content)
    expected = f"{path}: figures.1: 'sweep' needs a [grid], and the config has none\n"
    assert refusal([path], capsys) == expected


def test_a_missing_file_is_told_with_the_nearest_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, VALID)
    missing = str(tmp_path / "confg.toml")
    assert (
        refusal([missing], capsys) == f"{missing}: no such file; did you mean '{tmp_path / 'config.toml'}'?\n"
    )
    elsewhere = str(tmp_path / "nowhere" / "config.toml")
    assert refusal([elsewhere], capsys) == f"{elsewhere}: no such file\n"


def test_a_name_alone_is_looked_for_among_the_configs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "mnist.toml").write_text(VALID)
    meant = str(Path("configs", "mnist.toml"))
    assert refusal(["mnis"], capsys) == f"mnis: no such file; did you mean {meant!r}?\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "is a directory; expected a TOML file"),
        ("config.toml/inside.toml", "Not a directory"),
        ("n" * 300, "File name too long"),
        ("null\0byte", "null byte"),
    ],
)
def test_what_is_no_file_is_refused_with_one_line(
    name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, VALID)
    assert reason in refusal([str(tmp_path / name)], capsys)


def test_a_file_without_permission_is_refused_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, VALID)
    monkeypatch.setattr(Path, "open", denied)
    assert refusal([path], capsys) == f"{path}: cannot be read: Permission denied\n"


def test_all_problems_are_told_in_file_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = VALID.replace("horizon = 4", "horizon = 0").replace("steps = 3 }", "stepz = 3 }")
    text = text.replace('"ppo"', '"pppo"').replace("{ epochs = 1 }", "{ epok = 1 }").replace("title", "titel")
    path = written(tmp_path, text)
    assert main([path]) == 2
    places = [line.removeprefix(f"{path}: ").split(": ") for line in capsys.readouterr().err.splitlines()]
    assert [place[:2] if place[0].startswith("method") else place[:1] for place in places] == [
        ["titel"],
        ["task.horizon"],
        ["method 'PPO'", "objective.kind"],
        ["method 'PPO'", "schedule.epok"],
        ["smoke.schedule.stepz"],
    ]


def test_a_file_of_another_kind_is_told_within_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "".join(f"key{i} = {i}\n" for i in range(5000)))
    assert main([path]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 101
    assert lines[-1] == "... and more problems"


def test_a_wrong_config_is_told_without_importing_jax(tmp_path: Path) -> None:
    path = written(tmp_path, VALID.replace("steps = 20", "stepz = 20"))
    program = (
        "import sys; from tpo_runs._cli import main; code = main(sys.argv[1:]);"
        "heavy = {'jax', 'equinox', 'optax', 'numpy', 'matplotlib', 'pyarrow'} & set(sys.modules);"
        "print(code, sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "2 []\n"
    assert "did you mean 'steps'?" in done.stderr


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tpo_runs", str(tmp_path / "none.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{command[-1]}: no such file\n"
