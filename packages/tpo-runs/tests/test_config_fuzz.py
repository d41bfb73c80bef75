"""Whatever a config or a command line holds, nothing but `ConfigError` comes out, one line for a problem."""

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

VALID = """\
title = "A run"
[task]
kind = "tokens"
target = "reverse_copy"
reward = "sequential"
horizon = 4
vocab_size = 2
[policy]
kind = "transformer"
[optimizer]
kind = "muon"
learning_rate = 1e-3
[schedule]
steps = 20
[[method]]
name = "TPO"
objective = { kind = "tpo", eta = 1.0 }
rollout = { kind = "sequence_group", prompts = 100, candidates = 8 }
[[method]]
name = "Mine"
objective = { kind = "math:hypot", scale = 1 }
rollout = { kind = "single", prompts = 100 }
schedule = { epochs = 1 }
[grid]
"task.horizon" = [4, 5]
[smoke]
methods = ["TPO"]
schedule = { steps = 3 }
"""
LINES = VALID.splitlines()
KEYS = [
    "kind",
    "name",
    "task",
    "method",
    "schedule",
    "grid",
    "smoke",
    "methods",
    "eta",
    "x",
    "task.horizon",
    "",
]

scalars = st.one_of(
    st.text(max_size=8).map(json.dumps),
    st.sampled_from(["tokens", "tpo", "ppo", "muon", "adam", "single", "token_group", "a:b", "TPO"]).map(
        json.dumps
    ),
    st.integers().map(str),
    st.integers(min_value=0).map(hex),
    st.floats().map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.sampled_from(["1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "9999-99-99"]),
)
keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=6)).map(json.dumps)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(keys, inner), max_size=3).map(
            lambda pairs: f"{{ {', '.join(f'{key} = {value}' for key, value in pairs)} }}"
        ),
    ),
    max_leaves=6,
)


@st.composite
def mutated(draw: Any) -> str:
    """The valid config with a few of its lines changed, dropped, repeated or added."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, len(lines) - 1))
        key, _, value = lines[index].partition(" = ")
        lines[index : index + 1] = draw(
            st.sampled_from(
                [
                    [],
                    [lines[index], lines[index]],
                    [f"{key} = {draw(values)}"],
                    [f"{draw(keys)} = {value or draw(values)}"],
                    [lines[index], f"{draw(keys)} = {draw(values)}"],
                ]
            )
        )
    return "\n".join(lines)


def told(call: Callable[[], object]) -> Sequence[str]:
    """The lines of the `ConfigError` that the call raises; none where it succeeds."""
    from tpo_runs import ConfigError

    try:
        call()
    except ConfigError as error:
        return error.lines or ("an error that tells nothing\n",)
    return ()


def only_clear_lines(path: Path, **options: Any) -> None:
    from tpo_runs import load_config

    for line in told(lambda: load_config(path, **options)):
        assert line.isprintable()
        assert len(line) < 1000


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "config.toml"


@given(content=st.one_of(st.binary(), st.text().map(str.encode)))
@settings(max_examples=60, deadline=None)
def test_random_content(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    only_clear_lines(path)


@given(text=mutated(), smoke=st.booleans())
@example(text="", smoke=True)
@settings(max_examples=250, deadline=None)
def test_mutations_of_a_valid_config(path: Path, text: str, smoke: bool) -> None:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    only_clear_lines(path, smoke=smoke)


flags = st.one_of(
    st.tuples(
        st.sampled_from(["task", "schedule", "optimizer", "grid", "method.TPO", "method.Mine", "smoke", "x"]),
        st.sampled_from(["horizon", "kind", "objective.kind", "rollout.x", "steps", "schedule.steps", ""]),
    ).map(".".join),
    st.text(max_size=8),
)
overrides = st.lists(st.tuples(flags, st.one_of(values, st.text(max_size=8))), max_size=3)
methods = st.one_of(st.none(), st.text(max_size=5), st.sampled_from(["TPO", "TPO,Mine", ",TPO", "Mine, "]))


@given(pairs=overrides, methods=methods, smoke=st.booleans())
@settings(max_examples=150, deadline=None)
def test_random_overrides(path: Path, pairs: list[tuple[str, str]], methods: str | None, smoke: bool) -> None:
    path.write_text(VALID)
    only_clear_lines(path, overrides=pairs, methods=methods, smoke=smoke)


words = st.one_of(
    st.sampled_from(
        ["--smoke", "--out", "--methods", "--list", "--a.b", "--a.b=1", "--", "-", "a.toml", "-x"]
    ),
    st.text(max_size=6),
)


@given(argv=st.lists(words, max_size=5))
@settings(max_examples=200, deadline=None)
def test_random_command_lines(argv: list[str]) -> None:
    from tpo_runs._cli import main

    def run(config: Path, **_: Any) -> int:
        return 0

    if not argv or {"-h", "--help"} & set(argv):
        return
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()) as errors:
        patch.setattr("tpo_runs._cli.commands.run", run)
        code = main(argv)
    lines = errors.getvalue().splitlines()
    assert (code, len(lines)) in [(0, 0), (2, 1)]
    assert all(line.isprintable() for line in lines)
