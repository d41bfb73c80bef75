"""`tpo-runs compare`: runs of the same methods side by side."""

import re
from pathlib import Path

import numpy as np
import pytest
from small_configs import bandit, method, write

from tpo_runs import Store, load_config
from tpo_runs._cli import main
from tpo_runs._store import manifest

CONFIG = bandit(
    method(objective={"kind": "tpo", "eta": 1.0}),
    method("GRPO", "grpo"),
    policy={"kind": "logit_table"},
    schedule={"steps": 4, "seeds": 8},
)
FAST = (("optimizer.learning_rate", "0.5"), ("method.TPO.objective.eta", "0.5"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a config, wide enough for a table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    write(CONFIG, tmp_path)
    return tmp_path


def store(out: str, offset: float, *overrides: tuple[str, str]) -> None:
    """A stored run whose error falls from 0.8 to 0.2 plus an offset, a bit different in each seed."""
    loaded, run = load_config(Path("config.toml"), overrides=overrides), Store(out)
    run.write_run(manifest(loaded, run), loaded.config)
    for cell in loaded.cells:
        seeds = list(cell.seeds)
        curve = np.linspace(0.8, 0.2, cell.schedule.steps) + offset
        errors = (curve + 0.01 * np.array(seeds)[:, None]).astype(np.float32)
        run.write_block(
            cell, seeds, {"error": errors, "loss": errors}, {"diverged": {}}, {"seconds": 1.0, "finished": ""}
        )


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    """The cells of the rows of the table, and each other line as one cell."""
    assert main(["compare", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    return [[part.strip() for part in re.split("[│|]", line) if part.strip()] for line in lines]


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["compare", *words]) == 2
    (message,) = capsys.readouterr().err.splitlines()
    return message


def test_each_run_has_a_row_with_its_difference_from_the_first_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    store("slow", 0.0)
    store("fast", -0.1, *FAST)
    rows = printed(capsys, "slow", "fast", "--figure", "drawn/curves.pdf")
    assert ["TPO", "slow", "8", "23.5", "53.5", "–", "–", "–"] in rows
    (fast,) = (row for row in rows if row[:2] == ["TPO", "fast"])
    assert fast[2:6] == ["8", "13.5", "43.5", "-10.0"]
    assert fast[7] == "0.0078"  # all 8 seeds are lower: 2 of 2 ** 8 signs are as extreme
    lines = [" ".join(row) for row in rows]
    assert "TPO: fast ends lower than slow (p = 0.0078, 8 shared seeds)." in lines
    assert "The runs differ in optimizer.learning_rate: 0.1 (slow); 0.5 (fast)." in lines
    assert "TPO: the runs differ in objective.eta: 1.0 (slow); 0.5 (fast)." in lines
    assert "figure: drawn/curves.png, drawn/curves.pdf" in lines
    assert Path("drawn/curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_has_a_line_for_each_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tpo_runs._publish import compare

    del folder
    drawn = []
    monkeypatch.setattr(compare, "save_figure", lambda figure, path: drawn.append(figure) or (path, path))
    store("a", 0.0)
    store("b", 0.1, *FAST)
    assert main(["compare", "a", "b", "--figure", "x"]) == 0
    labels = [text.get_text() for legend in drawn[0].legends for text in legend.get_texts()]
    labels += [text.get_text() for axes in drawn[0].axes for text in axes.texts]
    assert {"TPO, a", "TPO, b", "GRPO, a", "GRPO, b"} <= {label.strip() for label in labels}


def test_runs_of_one_setting_do_not_differ(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    for out in ("a/run", "b/run"):
        store(out, 0.0)
    assert main(["summarize", "b/run", "--to", "b.json"]) == 0
    lines = [" ".join(row) for row in printed(capsys, "a/run", "b.json")]
    assert "TPO: 8 shared seeds do not show that b.json and run differ." in lines
    assert "The runs have the same settings." in lines
    assert any("a/run" in line for line in map(" ".join, printed(capsys, "a/run", "b/run")))


def test_seeds_that_are_not_shared_are_not_paired(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    store("a", 0.0)
    store("b", 0.0, ("schedule.first_seed", "100"))
    rows = printed(capsys, "a", "b")
    assert ["TPO", "b", "8", "100", "100", "–", "–", "–"][:3] in [row[:3] for row in rows]
    assert "TPO: b and a share no seed; train both with the same seeds to compare them." in map(
        " ".join, rows
    )


def test_a_diverged_seed_counts_as_an_error_of_1_from_where_it_diverged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    store("a", 0.0)
    loaded, run = load_config(Path("config.toml")), Store("b")
    run.write_run(manifest(loaded, run), loaded.config)
    errors = np.array([[0.5] * 4] * 7 + [[0.5, 0.5, np.nan, np.nan]], np.float32)
    facts, timing = {"diverged": {"7": 2}}, {"seconds": 1.0, "finished": ""}
    for cell in loaded.cells:
        run.write_block(cell, list(cell.seeds), {"error": errors, "loss": errors}, facts, timing)
    rows = printed(capsys, "a", "b")
    # The mean over all 32 values, of which two are 1 and the others 0.5.
    assert ["TPO", "b", "8", "–", "53.1", "–", "–", "–"] in rows
    assert main(["summarize", "b", "--to", "b.json"]) == 0
    capsys.readouterr()
    assert ["TPO", "b.json", "8", "–", "53.1", "–", "–", "–"] in printed(capsys, "a", "b.json")


def test_a_grid_point_is_compared_with_the_run_of_its_settings(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del folder
    store("grid", 0.0, ("grid.task.actions", "[5, 10]"))
    store("plain", 0.0, ("optimizer.learning_rate", "0.5"))
    rows = printed(capsys, "grid", "plain")
    assert [row[:2] for row in rows if row[0] == "TPO"] == [["TPO", "grid"], ["TPO", "plain"]]
    assert ["Only one run has: TPO, actions = 5 (grid); GRPO, actions = 5 (grid)."] in rows


def test_points_with_names_of_the_user_are_matched_by_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = [{"point": {"size": "large"}, "task": {"actions": 20}}]
    write(CONFIG | {"grid": {"size": ["small", "large"]}, "at": at}, folder)
    store("slow", 0.0)
    store("fast", -0.1, ("optimizer.learning_rate", "0.5"))
    rows = printed(capsys, "slow", "fast")
    places = [row[:3] for row in rows if row[0] == "TPO"]
    assert sorted(places) == sorted(
        ["TPO", size, run] for size in ("small", "large") for run in ("slow", "fast")
    )


def test_what_cannot_be_compared_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del folder
    store("a", 0.0)
    store("b", 0.0)
    store("other", 0.0, ("grid.task.actions", "[7, 8]"))
    assert "expected two runs or more, as in tpo-runs compare A B" in refused(capsys, "a")
    assert refused(capsys, "a", "a") == "tpo-runs compare: a is there twice; expected different runs"
    assert refused(capsys, "a", "c").startswith(
        "c/run.json: not found; expected the output directory of a run"
    )
    assert "no method is in two of the runs: a: TPO, GRPO; other: TPO, GRPO; give" in refused(
        capsys, "a", "other"
    )
    assert "a: has not recorded 'eror'; did you mean 'error'?" in refused(
        capsys, "a", "b", "--metric", "eror"
    )
    assert "curves.svg: expected a name that ends in .png or .pdf" in refused(
        capsys, "a", "b", "--figure", "curves.svg"
    )
