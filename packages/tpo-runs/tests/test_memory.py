"""A run that needs too much memory stops before its first step."""

from pathlib import Path

import pytest

from tpo_runs import ConfigError, load_config
from tpo_runs._cli import main
from tpo_runs._run import check_memory

CONFIG = """\
task = { kind = "text", problems = "arithmetic-add-sub-t2-n9-s4-v1", train = 8, held_out = 2, max_tokens = 8 }
policy = { kind = "language_model", model = "random" }
optimizer = { kind = "adamw", learning_rate = 1e-2 }
schedule = { steps = 1, seeds = 1, block = 1 }
figures = []

[[method]]
name = "TPO"
objective = { kind = "tpo" }
rollout = { kind = "sequence_group", prompts = 8, candidates = 16 }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return path


def limited(monkeypatch, limit):
    monkeypatch.setattr("tpo_runs._run.memory.device_bytes", lambda: limit)


def test_a_run_that_fits_trains(config, tmp_path, monkeypatch):
    limited(monkeypatch, 10**9)
    assert main([str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 0


def test_micro_batches_that_would_fit_are_named_before_the_first_step(config, tmp_path, monkeypatch, capsys):
    in_four = load_config(config, overrides=[("schedule.microbatches", "4")]).cells[0]
    limited(monkeypatch, bytes_of(in_four, config))
    assert main([str(config), "--out", str(tmp_path / "out"), "--quiet"]) == 1
    error = capsys.readouterr().err
    assert "a step needs " in error
    assert "; schedule.microbatches = 4 needs " in error
    assert not list((tmp_path / "out").rglob("metrics.parquet"))


def bytes_of(cell, config):
    """What a program needs, as `check_memory` sees it."""
    from tpo_runs._run import blocks_of, compile_block

    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tpo_runs._run.blocks.check_memory", lambda cell, needed, with_: seen.append(needed))
        compile_block(blocks_of(cell)[0], config)
    return seen[0]


@pytest.mark.parametrize(
    ("overrides", "advice"),
    [
        (
            [],
            "fits; train adapters by policy.lora, or choose a smaller model",
        ),
        ([("schedule.block", "4")], "fits; train fewer seeds at once by schedule.block, or train adapters"),
        ([("policy.lora.rank", "2")], "fits; choose a smaller model"),
    ],
)
def test_where_nothing_fits_the_advice_is_another(overrides, advice, config, monkeypatch):
    limited(monkeypatch, 2 * 10**9)
    cell = load_config(config, overrides=overrides).cells[0]
    asked = []
    with pytest.raises(ConfigError) as caught:
        check_memory(cell, 3 * 10**9, lambda count: asked.append(count) or 25 * 10**8)
    assert asked == [2, 4, 8]
    assert str(caught.value).startswith("a step needs 3.0 GB of memory, but cpu has only 2.0 GB")
    assert advice in str(caught.value)


def test_a_device_that_does_not_tell_its_memory_is_not_checked(config, monkeypatch):
    limited(monkeypatch, None)
    check_memory(load_config(config).cells[0], 10**18, lambda count: 10**18)
