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
