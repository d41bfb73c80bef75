"""Figures and tables of summaries: those of the store that they were made from, and of several together."""

import numpy as np
import pytest
from report_store import CONFIG, PAPER_CONFIG, UNDRAWN, make_store, store_of

from tpo_runs import read_summary, summarize
from tpo_runs._cli import main
from tpo_runs._publish import write_summary
from tpo_runs._results import final_error

pytestmark = pytest.mark.usefixtures("unrendered")
FALLING = np.exp(-np.arange(450) / np.array([[30.0], [45.0], [60.0], [50.0]]))


def summary_file(folder, errors, **options):
    """The summary of a run of these errors, beside its store."""
    return write_summary(store_of(folder, errors, **options).root, folder / "summary.json")


def drawn(folder):
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def pieces(tmp_path):
    """The summaries of seeds 0 and 1, and of 2 and 3."""
    return [
        str(summary_file(tmp_path / "a", FALLING[:2])),
        str(summary_file(tmp_path / "b", FALLING[2:], first_seed=2)),
    ]


@pytest.mark.parametrize("complete", [True, False], ids=["complete", "a cell missing and a seed lost"])
def test_tables_are_those_of_the_store(complete, tmp_path):
    store = make_store(tmp_path, points=2, seeds=3, steps=450, complete=complete)
    assert main(["draw", str(store.root)]) == 0
    summary = write_summary(store.root)
    assert main(["draw", str(summary), "--to", str(tmp_path / "again")]) == 0
    again = (tmp_path / "again" / "summary.md").read_text()
    assert again == (store.figures / "summary.md").read_text()
    assert drawn(tmp_path / "again") == drawn(store.figures) - {"SHA256SUMS", "summary.json"}


def test_numbers_beside_the_papers_are_those_of_the_store(tmp_path):
    errors = np.exp(-np.arange(1000) / np.array([[30.0], [45.0]]))
    store = store_of(tmp_path, errors, config=f"figures = []\n{PAPER_CONFIG}", method="Mine")
    assert main(["draw", str(store.root)]) == 0
    assert main(["draw", str(write_summary(store.root)), "--to", str(tmp_path / "again")]) == 0
    again = (tmp_path / "again" / "summary.md").read_text()
    assert "Beside arXiv" in again
    assert again == (store.figures / "summary.md").read_text()


def test_curves_are_the_bins_and_ends_are_those_of_every_step(tmp_path):
    store = store_of(tmp_path, FALLING)
    (result,) = read_summary(write_summary(store.root)).cells
    assert result.bin_width == 3
    means = FALLING.astype(np.float32).reshape(4, 150, 3).mean(axis=2)
    np.testing.assert_allclose(result.metrics["error"], np.repeat(means, 3, axis=1), rtol=1e-3)
    np.testing.assert_allclose(final_error(result), FALLING[:, -5:].mean(axis=1), rtol=1e-6)


def test_another_metric_than_the_error_is_drawn_too(tmp_path):
    config = 'metric = "loss"\n' + UNDRAWN.format(steps=450, seeds=4, horizons=[2])
    store = store_of(tmp_path, FALLING, config=config)
    (result,) = summarize(store).cells
    assert np.isnan(result.metrics["error"]).all()
    assert main(["draw", str(write_summary(store.root))]) == 0
    assert "Final loss (%)" in (store.figures / "summary.md").read_text()


def test_seeds_that_were_trained_in_pieces_are_drawn_together(pieces, tmp_path):
    assert main(["draw", *pieces]) == 0
    tables = (tmp_path / "a" / "summary.md").read_text()
    whole = store_of(tmp_path / "whole", FALLING, config=UNDRAWN.format(steps=450, seeds=4, horizons=[2]))
    assert main(["draw", str(whole.root)]) == 0
    expected = (whole.figures / "summary.md").read_text()
    seeds = "**Final error (%) of every seed**"
    assert tables.partition(seeds)[2] == expected.partition(seeds)[2]
    assert "steps are known to within 3." in tables
    assert drawn(tmp_path / "a") >= {"learning_curves.png", "learning_curves.pdf", "final_errors.png"}
    assert not (tmp_path / "b" / "summary.md").exists()


def config_file(folder, text):
    folder.mkdir()
    path = folder / "asks.toml"
    path.write_text(text)
    return str(path)


def test_a_config_says_which_cells_are_drawn_and_how(pieces, tmp_path, capsys):
    text = UNDRAWN.format(steps=450, seeds=1, horizons=[2, 3]).replace('name = "TPO"', 'name = "Ours"')
    config = config_file(tmp_path / "c", text.replace("figures = []", 'figures = ["final_errors"]'))
    assert main(["draw", *pieces, "--figures", config, "--to", str(tmp_path / "d")]) == 0
    assert drawn(tmp_path / "d") == {"final_errors.png", "final_errors.pdf", "summary.md"}
    tables = (tmp_path / "d" / "summary.md").read_text()
    assert "Ours" in tables
    assert "TPO" not in tables
    assert "no summary has them: PPO, horizon = 2; " in capsys.readouterr().out


def test_overrides_change_the_config(pieces, tmp_path):
    config = config_file(tmp_path / "c", UNDRAWN.format(steps=20, seeds=1, horizons=[2]))
    command = ["draw", *pieces, "--figures", config]
    assert main([*command, "--schedule.steps", "450"]) == 0
    assert main(command) == 2


def test_where_no_cell_is_found_the_nearest_one_is_told_with_what_differs(pieces, tmp_path, capsys):
    config = config_file(tmp_path / "c", UNDRAWN.format(steps=450, seeds=1, horizons=[4]))
    assert main(["draw", *pieces, "--figures", config]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{config}: ")
    assert all(fact in line for fact in ("3 cells", "TPO, horizon = 2", "TPO, horizon = 4"))
    assert "task.horizon: 2 in the results, 4 in this config" in line


def test_another_measure_is_refused(pieces, tmp_path, capsys):
    text = UNDRAWN.format(steps=450, seeds=1, horizons=[2])
    config = config_file(tmp_path / "c", f"threshold = 0.05\n{text}")
    assert main(["draw", *pieces, "--figures", config]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{config}: ")
    assert "error below 0.05" in line
    assert "error below 0.01" in line


def test_settings_of_one_name_are_drawn_only_where_a_config_tells_them_apart(pieces, tmp_path, capsys):
    other = UNDRAWN.format(steps=450, seeds=4, horizons=[2]).replace("prompts = 4", "prompts = 8")
    files = [pieces[0], str(summary_file(tmp_path / "c", FALLING, config=other))]
    assert main(["draw", *files]) == 2
    told = capsys.readouterr().err
    assert "TPO, horizon = 2 in 2 settings" in told
    assert "--figures CONFIG" in told
    text = other.replace('name = "TPO"', 'name = "TPO, 8 prompts"')
    ours = (
        CONFIG.format(steps=450, seeds=4, horizons=[2]).partition("[[method]]")[2].partition("[[method]]")[0]
    )
    config = config_file(tmp_path / "both", f"{text}[[method]]{ours}")
    assert main(["draw", *files, "--figures", config, "--to", str(tmp_path / "d")]) == 0
    tables = (tmp_path / "d" / "summary.md").read_text()
    assert "| TPO | 2 |" in tables
    assert "| TPO, 8 prompts | 4 |" in tables


def test_a_damaged_summary_is_named_and_nothing_is_drawn(pieces, tmp_path, capsys):
    (tmp_path / "b" / "summary.json").write_bytes(b"{}")
    assert main(["draw", *pieces]) == 2
    assert f"{pieces[1]}: damaged" in capsys.readouterr().err
    assert not (tmp_path / "a" / "summary.md").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["draw", "results/a", "b.json"],
            "tpo-runs draw: unexpected argument 'results/a'; expected one OUT, or summaries",
        ),
        (
            ["draw", "results/a", "--to", "b"],
            "tpo-runs draw: --to is for summaries; the figures of a run are drawn in results/a/figures",
        ),
        (
            ["draw", "b.json", "--task.horizon", "8"],
            "tpo-runs draw: --task.horizon: no config to override; --figures names one",
        ),
        (
            ["summarize", "results/a", "--task.horizon", "8"],
            "tpo-runs summarize: --task.horizon: no config to override",
        ),
        (["draw", "b.json"], "b.json: cannot be read: No such file or directory; "),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_line(words, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(line)


def test_a_summary_that_was_read_is_not_changed(pieces, tmp_path):
    before = (tmp_path / "a" / "summary.json").read_bytes()
    assert main(["draw", *pieces]) == 0
    assert (tmp_path / "a" / "summary.json").read_bytes() == before


def run_of(folder, method, *, steps=450, changes=(), grid=None):
    """The summary of a run of one method, whose config differs from the made-up one in some texts."""
    text = CONFIG.format(steps=steps, seeds=2, horizons=grid or [2])
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    if grid is None:
        text = text.replace('[grid]\n"task.horizon" = [2]\n', "")
    return str(summary_file(folder, FALLING[:2, :steps], config=text, method=method))


def summary_text(folder):
    return (folder / "summary.md").read_text()


def test_a_run_without_the_grids_axis_has_the_value_of_its_settings_there(tmp_path):
    swept = run_of(tmp_path / "a", "TPO", grid=[2])
    alone = run_of(tmp_path / "b", "PPO")
    again = run_of(tmp_path / "c", "TPO")
    assert main(["draw", swept, alone, again, "--to", str(tmp_path / "to")]) == 0
    text = summary_text(tmp_path / "to")
    assert "None" not in text
    assert "| horizon | method |" in text
    assert "| 2 | TPO |" in text
    assert "| 3 | PPO |" in text
    assert "| 3 | TPO |" in text


def test_a_method_without_the_axis_is_not_at_none(tmp_path):
    of_tpo = CONFIG.format(steps=450, seeds=2, horizons=[2]).partition('[[method]]\nname = "PPO"')[0]
    config = of_tpo.replace("task.horizon", "rollout.candidates")
    swept = str(summary_file(tmp_path / "a", FALLING[:2], config=config))
    alone = run_of(tmp_path / "b", "PPO")
    assert main(["draw", swept, alone, "--to", str(tmp_path / "to")]) == 0
    text = summary_text(tmp_path / "to")
    assert "None" not in text
    assert "| – | PPO |" in text


def test_settings_in_which_runs_differ_are_told_below_tables_and_figures(tmp_path, capsys):
    long = run_of(tmp_path / "a", "TPO")
    short = run_of(tmp_path / "b", "PPO", steps=150, changes=[("1e-2", "1e-3")])
    assert main(["draw", long, short, "--to", str(tmp_path / "to")]) == 0
    text = summary_text(tmp_path / "to")
    assert "The runs differ in schedule.steps: 450 (TPO); 150 (PPO)." in text
    assert "0.01 (TPO); 0.001 (PPO)" in text
    assert "schedule.steps" in capsys.readouterr().out


def test_a_method_that_has_other_settings_in_two_runs_is_refused(tmp_path, capsys):
    swept = run_of(tmp_path / "a", "TPO", grid=[2])
    short = run_of(tmp_path / "b", "TPO", steps=150)
    assert main(["draw", swept, short, "--to", str(tmp_path / "to")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "TPO" in line
    assert "schedule.steps = 450 and 150" in line
    assert "--figures" in line
    assert not (tmp_path / "to").exists()


def test_settings_of_one_method_alone_are_told_and_not_refused(tmp_path):
    own = [('PPO"\n', 'PPO"\nschedule = { epochs = 3 }\n')]
    both = [run_of(tmp_path / name, name, changes=own) for name in ("TPO", "PPO")]
    assert main(["draw", *both, "--to", str(tmp_path / "to")]) == 0
    assert "The runs differ in schedule.epochs: 1 (TPO); 3 (PPO)." in summary_text(tmp_path / "to")
