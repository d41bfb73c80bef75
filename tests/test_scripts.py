"""The standalone plots draw what a store holds."""

import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tpo_runs import Store, load_config
from tpo_runs._store import manifest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def run_script(monkeypatch):
    """Runs a script as Python does from its command line, in this process, which has imported JAX already."""

    def run(name, *words):
        monkeypatch.syspath_prepend(ROOT / "scripts")
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        runpy.run_path(str(ROOT / "scripts" / name), run_name="__main__")

    return run


@pytest.mark.parametrize(
    ("script", "config", "metric"),
    [("plot_mnist", "mnist", "test_error"), ("plot_token_reversal", "transformer_rlvr", "error")],
)
def test_a_plot_is_drawn_from_a_store(script, config, metric, run_script, tmp_path, capsys):
    loaded = load_config(ROOT / f"configs/{config}.toml", overrides=[("schedule.steps", "400")])
    store, figure = Store(tmp_path / "store"), tmp_path / "figures" / "plot"
    store.write_run(manifest(loaded, store), loaded.config)
    falling = np.linspace(0.9, 0.1, 400, dtype=np.float32) + np.zeros((20, 1), np.float32)
    for cell in loaded.cells:
        store.write_block(
            cell, range(20), {"error": falling, metric: falling}, {"diverged": {}}, {"seconds": 1.0}
        )
    run_script(f"{script}.py", store.root, figure)
    assert capsys.readouterr().out.split() == [f"{figure}.png", f"{figure}.pdf"]
    assert figure.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert figure.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_the_picture_of_intervals_by_seeds_is_drawn(run_script, tmp_path):
    run_script("plot_seed_noise.py", "--figure", tmp_path / "noise")
    assert {path.name for path in tmp_path.iterdir()} == {"noise.png", "noise.pdf"}


def test_the_pictures_of_the_tasks_are_drawn(run_script, tmp_path):
    run_script("draw_tasks.py", "--out", tmp_path)
    pages = {path.stem for path in (ROOT / "docs" / "tasks").glob("*.md")} - {"README", "text_problems"}
    assert {path.stem for path in tmp_path.glob("*.png")} == pages


def test_the_picture_of_the_idea_is_drawn(run_script, tmp_path):
    run_script("draw_idea.py", "--out", tmp_path / "idea.png")
    assert {path.name for path in tmp_path.iterdir()} == {"idea.png", "idea_narrow.png"}


@pytest.mark.slow
def test_scoring_is_timed():
    timing = [sys.executable, str(ROOT / "scripts/bench_scoring.py"), "--answers", "1000", "--rounds", "1"]
    task = "token-reversal-terminal-h10-v2"
    done = subprocess.run([*timing, "--task", task], check=True, timeout=300, capture_output=True, text=True)
    assert done.stdout.splitlines()[1].startswith(task)


@pytest.mark.slow
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


@pytest.mark.slow
def test_executors_are_timed():
    timing = [sys.executable, str(ROOT / "scripts/bench_executors.py"), "--kinds", "in_process"]
    words = [*timing, "--blocks", "3", "--rounds", "1"]
    done = subprocess.run(words, check=True, timeout=300, capture_output=True, text=True)
    assert done.stdout.startswith("in_process: ")


@pytest.mark.slow
def test_stores_are_timed_and_drawn(tmp_path):
    timing = [sys.executable, str(ROOT / "scripts/bench_store.py"), "--blocks", "200"]
    words = [*timing, "--figure", str(tmp_path / "store")]
    done = subprocess.run(words, check=True, timeout=300, capture_output=True, text=True)
    assert done.stdout.startswith("200 blocks: --list ")
    assert (tmp_path / "store.png").exists()
