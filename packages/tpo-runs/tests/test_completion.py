"""Completion of command lines in shells."""

import shutil
import subprocess

import pytest

from tpo_runs._cli import main


@pytest.fixture
def script(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> str:
    """The script for a shell that is installed."""
    shell = getattr(request, "param", "bash")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def in_bash(script: str, line: str) -> set[str]:
    """What bash offers in place of the last word of a line; nothing where it completes names of files."""
    drive = f"""
        COMP_WORDS=({line.replace("|", "''")})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        complete -p tpo-runs | grep -q -- '-o default -F _tpo_runs' || exit 1
        _tpo_runs
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    command = ["bash", "--norc", "-uc", script + drive]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


def test_commands_are_completed_in_the_first_place_only(script: str) -> None:
    assert in_bash(script, "tpo-runs ch") == {"check", "choose"}
    assert {"draw", "compare", "export"} <= in_bash(script, "tpo-runs |")
    assert "run" not in in_bash(script, "tpo-runs |")
    assert in_bash(script, "tpo-runs draw ch") == set()
    assert in_bash(script, "tpo-runs configs/mn") == set()


def test_flags_are_those_of_the_command(script: str) -> None:
    assert in_bash(script, "tpo-runs a.toml --ov") == {"--overwrite"}
    assert in_bash(script, "tpo-runs --ver") == {"--version"}
    assert in_bash(script, "tpo-runs check a.toml --") >= {"--smoke", "--methods", "--help"}
    assert in_bash(script, "tpo-runs compare --") == {"--help", "--metric", "--figure"}
    assert in_bash(script, "tpo-runs report x --t") == {"--to"}


def test_keys_of_configs_are_completed_where_they_override(script: str) -> None:
    assert in_bash(script, "tpo-runs a.toml --schedule.se") == {"--schedule.seeds"}
    assert in_bash(script, "tpo-runs show a.toml --policy.lora.r") == {"--policy.lora.rank"}
    assert in_bash(script, "tpo-runs report --schedule.se") == set()


def test_other_words_are_names_of_files_or_known(script: str) -> None:
    assert in_bash(script, "tpo-runs kinds o") == {"objective", "optimizer"}
    assert in_bash(script, "tpo-runs completion |") == {"bash", "zsh", "fish"}
    assert in_bash(script, "tpo-runs a.toml --out |") == set()


@pytest.mark.parametrize("script", ["zsh", "fish"], indirect=True, ids=str)
def test_other_shells_accept_their_script(script: str) -> None:
    shell = "zsh" if script.startswith("autoload") else "fish"
    checks = {
        "zsh": "[[ ${_comps[tpo-runs]} == *_tpo_runs* ]]",
        "fish": 'complete -C "tpo-runs compare --fi" | grep -q -- --figure',
    }
    done = subprocess.run([shell, "-c", script + checks[shell]], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
