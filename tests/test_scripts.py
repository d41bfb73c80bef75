"""The standalone plots draw what a store holds."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TINY = {
    "mnist": [
        *("--task.dataset", "digits", "--methods", "CE", "--schedule.seeds", "2"),
        *("--schedule.steps", "4", "--evaluation.every", "2"),
    ],
    "transformer_rlvr": [
        *("--methods", "DG", "--schedule.seeds", "2", "--schedule.steps", "12"),
        *("--task.horizon", "2", "--policy.width", "4", "--policy.layers", "1"),
    ],
}


@pytest.mark.parametrize(
    ("script", "config"), [("plot_mnist", "mnist"), ("plot_token_reversal", "transformer_rlvr")]
)
def test_a_plot_is_drawn_from_a_store(script, config, tmp_path):
    store, figure = tmp_path / "store", tmp_path / "figures" / "plot"
    command = ["tpo_runs", str(ROOT / f"configs/{config}.toml"), "--out", str(store), "--quiet"]
    subprocess.run([sys.executable, "-m", *command, *TINY[config]], check=True, timeout=300)
    drawing = [sys.executable, str(ROOT / f"scripts/{script}.py"), str(store), str(figure)]
    done = subprocess.run(drawing, check=True, timeout=300, capture_output=True, text=True)
    assert done.stdout.split() == [f"{figure}.png", f"{figure}.pdf"]
    assert figure.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert figure.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_the_pictures_of_the_tasks_are_drawn(tmp_path):
    drawing = [sys.executable, str(ROOT / "scripts/draw_tasks.py"), "--out", str(tmp_path)]
    subprocess.run(drawing, check=True, timeout=300, capture_output=True)
    pages = {path.stem for path in (ROOT / "docs" / "tasks").glob("*.md")} - {"README"}
    assert {path.stem for path in tmp_path.glob("*.png")} == pages


def test_the_picture_of_the_idea_is_drawn(tmp_path):
    drawing = [sys.executable, str(ROOT / "scripts/draw_idea.py"), "--out", str(tmp_path / "idea.png")]
    subprocess.run(drawing, check=True, timeout=300, capture_output=True)
    assert {path.name for path in tmp_path.iterdir()} == {"idea.png", "idea_narrow.png"}


def test_scoring_is_timed():
    timing = [sys.executable, str(ROOT / "scripts/bench_scoring.py"), "--answers", "1000", "--rounds", "1"]
    task = "token-reversal-terminal-h10-v2"
    done = subprocess.run([*timing, "--task", task], check=True, timeout=300, capture_output=True, text=True)
    assert done.stdout.splitlines()[1].startswith(task)


def test_checkpoints_are_timed():
    timing = [sys.executable, str(ROOT / "scripts/bench_checkpoint.py"), "--steps", "10", "--rounds", "3"]
    done = subprocess.run([*timing, "--seeds", "1"], check=True, timeout=300, capture_output=True, text=True)
    assert done.stdout.splitlines()[1].startswith("every 300 s: ")


@pytest.mark.slow
def test_reference_scores_are_made(tmp_path):
    made = tmp_path / "scores.json"
    command = [sys.executable, str(ROOT / "scripts/reference_scores.py"), "--out", str(made)]
    subprocess.run([*command, "--tasks", "token-parity-terminal-h2-v2"], check=True, timeout=600)
    assert '"TPO"' in made.read_text()
